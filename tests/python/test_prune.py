"""prune() by every method."""

import neural_tangent_transfer as ntt
import numpy as np
import pytest
import torch
from conftest import QUICK

SCORING = ["random", "magnitude", "snip", "logit-snip", "iterative-snip", "force", "grasp", "prospr", "synflow", "ntk-sap"]
SCORING += ["px", "phew"]
FITTING = ["ntt-exact", "ntt-sketch", "logit-mimicry"]


def test_all_methods_are_tried_here():
    assert set(SCORING) | set(FITTING) <= set(ntt.methods())


@pytest.mark.parametrize("method", SCORING)
def test_methods_that_score(mlp, data, method):
    found = ntt.prune(mlp, data.images, data.labels, method=method, density=0.2, samples=200, threads=1)
    assert found.method == method and found.density == pytest.approx(0.2, abs=0.02) and found.metrics == []
    original = mlp[1].weight.detach().numpy()
    np.testing.assert_array_equal(found.weights["1.weight"], original * found.masks["1.weight"])


@pytest.mark.parametrize("method", FITTING)
def test_methods_that_fit(mlp, data, method):
    found = ntt.prune(mlp, data.images, method=method, density=0.2, **QUICK)
    assert found.method == method and len(found.metrics) == 4


def test_magnitude_is_what_torch_finds(mlp, data):
    found = ntt.prune(mlp, data.images, method="magnitude", density=0.25, scope="layer", threads=1)
    weight = mlp[1].weight.detach().abs()
    kept = weight >= weight.flatten().topk(weight.numel() // 4).values.min()
    np.testing.assert_array_equal(found.masks["1.weight"], kept.numpy())


def test_snip_is_weight_times_gradient(mlp, data):
    loss = torch.nn.functional.cross_entropy(mlp(torch.from_numpy(data.images)), torch.from_numpy(data.labels))
    loss.backward()
    score = (mlp[1].weight * mlp[1].weight.grad).abs().detach()
    kept = score >= score.flatten().topk(score.numel() // 10).values.min()
    found = ntt.prune(mlp, data.images, data.labels, method="snip", density=0.1, samples=10**6, threads=1)
    assert (found.masks["1.weight"] == kept.numpy()).mean() > 0.999


def test_labels_of_batches_are_read(mlp, data):
    pairs = [(data.images[i : i + 100], data.labels[i : i + 100]) for i in range(0, 600, 100)]
    first = ntt.prune(mlp, pairs, method="snip", density=0.1, threads=1)
    second = ntt.prune(mlp, data.images, data.labels, method="snip", density=0.1, threads=1)
    assert np.array_equal(first.masks["1.weight"], second.masks["1.weight"])


def test_what_is_missing_is_said(mlp, data):
    with pytest.raises(ValueError, match="snip reads labels"):
        ntt.prune(mlp, data.images, method="snip")
    with pytest.raises(ValueError, match="there is no method 'snap'; known are"):
        ntt.prune(mlp, data.images, method="snap")
    with pytest.raises(ValueError, match="number of steps is the length of"):
        ntt.prune(mlp, data.images, method="magnitude", steps=5)
    with pytest.raises(ValueError, match="probes"):
        ntt.prune(mlp, data.images, method="ntt-sketch", probes=9, **QUICK)


def test_empty_layers_are_told_in_the_log(mlp, data, caplog):
    with caplog.at_level("WARNING", logger="neural_tangent_transfer"):
        ntt.prune(mlp, data.images, method="magnitude", density=0.0001, scope="global", threads=1)
    assert any("nothing is left of" in record.message for record in caplog.records)
