"""transfer() on every kind of model and of data."""

import json

import neural_tangent_transfer as ntt
import numpy as np
import pytest
import torch
from conftest import QUICK, SmallNet


def same(first, second):
    """Whether two networks have the same bits; parameters may have other names."""
    pairs = list(zip(first.weights.values(), second.weights.values()))
    return len(first.weights) == len(second.weights) and all(np.array_equal(a, b) for a, b in pairs)


def test_module_gives_its_own_parameters_back(module, data):
    found = ntt.transfer(module, data.images, density=0.3, **QUICK)
    state = module.state_dict()
    assert set(found.weights) == {name for name in state if not name.endswith("num_batches_tracked")}
    assert all(found.weights[name].shape == tuple(state[name].shape) for name in found.weights)
    assert set(found.masks) == {"conv1.weight", "block.0.weight", "fc.weight"}
    assert found.density == pytest.approx(0.3, abs=0.03)
    for name, mask in found.masks.items():
        assert not found.weights[name][~mask].any()
    assert [record["step"] for record in found.metrics] == [0, 4, 8, 12]
    assert {"kernel_distance", "target_distance", "density", "seconds"} <= set(found.metrics[0])
    assert found.method == "ntt"


def test_batch_norm_is_not_folded_and_teacher_is_the_module(module, data):
    for norm in (module.bn1, module.block[1]):  # as after some training
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
        norm.num_batches_tracked.fill_(7)
        norm.weight.data.uniform_(0.5, 1.5)
    found = ntt.transfer(module, data.images, density=0.5, **QUICK)
    for name, value in found.teacher.weights.items():
        np.testing.assert_array_equal(value, module.state_dict()[name].numpy())
    outputs = module.eval()(torch.from_numpy(data.images[:20])).detach().numpy()
    np.testing.assert_allclose(found.teacher(data.images[:20]), outputs, rtol=1e-4, atol=1e-4)


def test_equal_norms_are_not_taken_for_one(module, data):
    """Before training all scales are 1 and all shifts 0, which exporters like to write once."""
    found = ntt.transfer(module, data.images, density=0.3, **{**QUICK, "learning_rate": 1e-2})
    weights = found.weights
    assert not np.array_equal(weights["bn1.weight"], weights["block.1.weight"])


@pytest.mark.parametrize("training", [True, False])
def test_module_is_left_as_it_was(module, data, training):
    module.train(training)
    module.conv1.weight.requires_grad_(False)
    module.dropout.eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    grads = [parameter.requires_grad for parameter in module.parameters()]
    ntt.transfer(module, data.images, density=0.3, **QUICK)
    assert modes == [part.training for part in module.modules()]
    assert grads == [parameter.requires_grad for parameter in module.parameters()]
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_mode_of_the_module_does_not_matter(module, data):
    first = ntt.transfer(module.train(), data.images, density=0.3, **QUICK)
    second = ntt.transfer(module.eval(), data.images, density=0.3, **QUICK)
    assert same(first, second)


def test_statistics_of_an_untrained_module_are_taken_from_the_images(module, data):
    found = ntt.transfer(module, data.images, density=0.3, **QUICK)
    assert np.abs(found.teacher.weights["bn1.running_mean"]).max() > 0


def batches(images, labels=None):
    tensors = [torch.from_numpy(images)] + ([] if labels is None else [torch.from_numpy(labels)])
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*tensors), batch_size=100)


@pytest.mark.parametrize(
    "form",
    [
        lambda x, y: torch.from_numpy(x),
        lambda x, y: torch.from_numpy(x).double(),
        lambda x, y: torch.from_numpy(x).requires_grad_(),
        lambda x, y: np.asfortranarray(x),
        lambda x, y: batches(x),
        lambda x, y: batches(x, y),
        lambda x, y: [x[:300], x[300:]],
        lambda x, y: ((x[i : i + 200], y[i : i + 200]) for i in range(0, 600, 200)),
    ],
)
def test_images_of_any_kind_are_the_same_images(mlp, data, form):
    expected = ntt.transfer(mlp, data.images, density=0.2, **QUICK)
    assert same(expected, ntt.transfer(mlp, form(data.images, data.labels), density=0.2, **QUICK))


def test_uint8_images_are_standardised_and_that_is_kept(mlp, data, tmp_path):
    found = ntt.transfer(mlp, data.raw, density=0.2, **QUICK)
    np.testing.assert_allclose(found.normalisation.mean, (data.raw / 255).mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(found.normalisation.standard_deviation, (data.raw / 255).std((0, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(found(data.raw_test), found(data.test_images), rtol=1e-3, atol=1e-4)
    found.save(tmp_path / "network.safetensors")
    again = ntt.load(tmp_path / "network.safetensors")
    np.testing.assert_array_equal(again(data.raw_test), found(data.raw_test))


def test_onnx_file_is_the_module(mlp, data, tmp_path):
    file = tmp_path / "mlp.onnx"
    options = {"dynamo": False} if not torch.__version__.startswith("1.") else {}
    torch.onnx.export(mlp, torch.zeros(1, 3, 8, 8), str(file), **options)
    first = ntt.transfer(mlp, data.images, density=0.2, **QUICK)
    second = ntt.transfer(str(file), data.images, density=0.2, weights="given", **QUICK)
    assert same(first, second)
    drawn = ntt.transfer(file, data.images, density=0.2, **QUICK)
    assert not same(first, drawn)


def test_built_in_model(data):
    found = ntt.transfer("lenet-300-100", data.images, density=0.1, classes=4, **QUICK)
    assert found.outputs == 4 and found.input_shape == (3, 8, 8)
    assert "lenet-300-100" in ntt.models()


def test_toml_file(data, tmp_path):
    file = tmp_path / "net.toml"
    file.write_text(
        'name = "small"\ninput = [3, 8, 8]\n[[layer]]\ntype = "flatten"\n'
        '[[layer]]\nname = "fc"\ntype = "linear"\nout_features = 4\n'
    )
    found = ntt.transfer(file, data.images, density=0.5, **QUICK)
    assert set(found.masks) == {"fc.weight"}


def test_layers_are_called_what_the_module_calls_them(module, data):
    found = ntt.transfer(module, data.images, density=0.3, keep=["conv1", "fc"], **QUICK)
    assert set(found.masks) == {"block.0.weight"}
    assert set(ntt.transfer(module, data.images, density=0.3, keep="last", **QUICK).masks) == {
        "conv1.weight",
        "block.0.weight",
    }


def test_grey_images_without_an_axis_of_channels():
    images = np.random.default_rng(0).integers(0, 256, (100, 8, 8)).astype(np.uint8)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
    assert ntt.transfer(net, images, density=0.5, **QUICK).input_shape == (1, 8, 8)


def test_a_module_that_is_one_layer(data):
    net = torch.nn.Linear(192, 4)
    found = ntt.transfer(net, data.images.reshape(600, -1), density=0.5, **QUICK)
    assert set(found.weights) == {"weight", "bias"}
    found.apply_to(net)


def test_seed_decides_everything(module, data):
    first = ntt.transfer(module, data.images, density=0.3, seed=5, **QUICK)
    assert same(first, ntt.transfer(module, data.images, density=0.3, seed=5, **QUICK))
    assert not same(first, ntt.transfer(module, data.images, density=0.3, seed=6, **QUICK))


def test_run_folder_and_resumption(mlp, data, tmp_path):
    out = tmp_path / "run"
    found = ntt.transfer(mlp, data.images, density=0.2, out=out, **QUICK)
    assert {path.name for path in out.iterdir()} == {
        "config.toml",
        "metrics.jsonl",
        "network.safetensors",
        "teacher.safetensors",
        "result.json",
    }
    assert same(ntt.load(out), found) and same(ntt.load(out / "teacher.safetensors"), found.teacher)
    assert [record["step"] for record in found.metrics] == [0, 4, 8, 12]
    config = (out / "config.toml").read_text()
    assert "[transfer]\n" in config and "density = 0.2\n" in config and "learning-rate = 0.001\n" in config
    record = json.loads((out / "result.json").read_text())
    assert record["method"] == "ntt" and record["options"]["density"] == 0.2 and record["layers"] == found.layers
    with pytest.raises(ValueError, match="finished run"):
        ntt.transfer(mlp, data.images, density=0.2, out=out, **QUICK)


def test_nothing_is_written_without_a_folder(mlp, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ntt.transfer(mlp, data.images, density=0.2, **QUICK)
    assert list(tmp_path.iterdir()) == []


def test_wider_module_on_another_type(data):
    net = SmallNet().double()
    found = ntt.transfer(net, data.images, density=0.3, **QUICK)
    found.apply_to(net)
    assert net.fc.weight.dtype == torch.float64
