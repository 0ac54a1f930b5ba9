"""train() and evaluate(), and training by a loop of PyTorch beside it."""

import json

import neural_tangent_transfer as ntt
import numpy as np
import pytest
import torch
from conftest import QUICK
from torch.nn.utils import prune

TRAINING = {"epochs": 6, "batch_size": 32, "evaluate_interval": 50, "threads": 1, "progress": False}


def accuracy(outputs, labels):
    return float((np.asarray(outputs).argmax(1) == labels).mean())


def test_network_that_was_found(mlp, data):
    found = ntt.transfer(mlp, data.images, density=0.1, **QUICK)
    trained = ntt.train(found, data.images, data.labels, data.test_images, data.test_labels, **TRAINING)
    assert accuracy(trained(data.test_images), data.test_labels) == pytest.approx(trained.record["test_accuracy"])
    assert trained.record["test_accuracy"] > accuracy(found(data.test_images), data.test_labels)
    assert all(np.array_equal(found.masks[name], mask) for name, mask in trained.masks.items())
    assert trained.metrics[-1]["step"] == trained.record["steps"]
    assert trained.metadata["method"] == "ntt"
    score = ntt.evaluate(trained, data.test_images, data.test_labels, threads=1)
    assert score["accuracy"] == pytest.approx(trained.record["test_accuracy"])
    assert score["loss"] == pytest.approx(trained.record["test_loss"], rel=1e-4)


def test_momentum_schedule_and_augmentation(mlp, data):
    start = ntt.prune(mlp, data.images, method="random", density=0.2, threads=1)
    options = {"optimiser": "nesterov", "learning_rate": 0.02, "schedule": "cosine", "label_smoothing": 0.1, **TRAINING}
    one, same, other = (
        ntt.train(start, data.images, data.labels, augment=augment, **options) for augment in ("flip", ["flip"], ())
    )
    assert np.array_equal(one(data.test_images), same(data.test_images))
    assert not np.array_equal(one(data.test_images), other(data.test_images))
    moved = ntt.train(start, data.images, data.labels, mask_updates="rigl", mask_interval=10, **options)
    assert any(not np.array_equal(start.masks[name], mask) for name, mask in moved.masks.items())
    assert moved.density == pytest.approx(start.density)
    with pytest.raises(ValueError, match="'rotate'"):
        ntt.train(start, data.images, data.labels, augment="rotate", **TRAINING)
    with pytest.raises(ValueError, match="milestone 30"):
        ntt.train(start, data.images, data.labels, schedule="step", milestones=[30], **TRAINING)


def test_plain_pytorch_loop_trains_as_well(mlp, data):
    """The same sparse network by our trainer and by a loop over the module that it was applied to."""
    found = ntt.transfer(mlp, data.images, density=0.1, **{**QUICK, "steps": 60, "mask_interval": 10})
    ours = [
        ntt.train(found, data.images, data.labels, data.test_images, data.test_labels, seed=seed, **TRAINING).record[
            "test_accuracy"
        ]
        for seed in range(3)
    ]
    theirs = [loop(found.apply_to(mlp), data, seed) for seed in range(3)]
    noise = max(0.03, max(ours) - min(ours), max(theirs) - min(theirs))
    assert abs(np.mean(ours) - np.mean(theirs)) <= noise
    assert np.mean(theirs) > 0.7
    assert np.array_equal(mlp[1].weight.detach().numpy() != 0, found.masks["1.weight"])


def loop(module, data, seed):
    generator = torch.Generator().manual_seed(seed)
    images, labels = torch.from_numpy(data.images), torch.from_numpy(data.labels)
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-3)
    module.train()
    for _ in range(6):
        for chosen in torch.randperm(540, generator=generator).split(32):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(module(images[chosen]), labels[chosen]).backward()
            optimiser.step()
    with torch.no_grad():
        return accuracy(module.eval()(torch.from_numpy(data.test_images)), data.test_labels)


def test_module_keeps_its_masks(module, data):
    prune.random_unstructured(module.block[0], "weight", 0.5)
    trained = ntt.train(module, data.images, data.labels, **TRAINING)
    mask = module.block[0].weight_mask.bool().numpy()
    assert np.array_equal(trained.masks["block.0.weight"], mask)
    assert not trained.weights["block.0.weight"][~mask].any()
    assert set(trained.masks) == {"block.0.weight"}
    trained.apply_to(module)


def test_without_test_images(mlp, data):
    trained = ntt.train(mlp, data.images, data.labels, **TRAINING)
    assert trained.record["test_accuracy"] is None and trained.record["validation_accuracy"] > 0.5
    assert trained.metrics[-1]["test_accuracy"] is None


def test_models_by_method(mlp, data):
    dense = ntt.train(mlp, data.images, data.labels, method="dense", **TRAINING)
    assert dense.density == 1
    sparse = ntt.train(mlp, data.images, data.labels, method="random", density=0.2, weights="random", **TRAINING)
    assert sparse.density == pytest.approx(0.2, abs=0.01) and sparse.metadata["method"] == "random"
    with pytest.raises(ValueError, match="needs a density"):
        ntt.train(mlp, data.images, data.labels, method="random")
    with pytest.raises(ValueError, match="density is that of the network"):
        ntt.train(mlp, data.images, data.labels, density=0.5)


def test_uint8_images_all_the_way(mlp, data):
    found = ntt.transfer(mlp, data.raw, density=0.2, **QUICK)
    trained = ntt.train(found, data.raw, data.labels, data.raw_test, data.test_labels, **TRAINING)
    same = ntt.train(
        found, data.raw, data.labels, found.normalisation.standardise(data.raw_test), data.test_labels, **TRAINING
    )
    assert trained.record["test_accuracy"] == same.record["test_accuracy"]
    assert ntt.evaluate(trained, data.raw_test, data.test_labels)["accuracy"] == trained.record["test_accuracy"]


def test_uint8_images_of_a_module(mlp, data):
    trained = ntt.train(mlp, data.raw, data.labels, data.raw_test, data.test_labels, **TRAINING)
    assert trained.normalisation is not None
    assert accuracy(trained(data.raw_test), data.test_labels) == pytest.approx(trained.record["test_accuracy"])
    assert ntt.evaluate(mlp, data.raw_test, data.test_labels)["accuracy"] < trained.record["test_accuracy"]


def test_run_folder(mlp, data, tmp_path):
    trained = ntt.train(mlp, data.images, data.labels, out=tmp_path / "run", **TRAINING)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "config.toml",
        "metrics.jsonl",
        "network.safetensors",
        "result.json",
    }
    np.testing.assert_array_equal(ntt.load(tmp_path / "run")(data.images[:5]), trained(data.images[:5]))
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert record["what"] == "train" and record["options"]["epochs"] == 6
    assert record["figures"]["kept_step"] == trained.record["kept_step"] and "versions" in record


def test_plot(mlp, data):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    trained = ntt.train(mlp, data.images, data.labels, **TRAINING)
    assert [line.get_label() for line in trained.plot().lines] == ["train accuracy", "validation accuracy"]
