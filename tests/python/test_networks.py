"""What comes back: weights, masks, files, inference, and its way into a PyTorch module."""

import copy

import neural_tangent_transfer as ntt
import numpy as np
import pytest
import torch
from conftest import QUICK, SmallNet
from torch.nn.utils import prune


@pytest.fixture
def found(module, data):
    return ntt.transfer(module, data.images, density=0.3, **QUICK)


def outputs_of(module, images):
    with torch.no_grad():
        return module.eval()(torch.from_numpy(images)).numpy()


def test_apply_to_makes_the_module_the_network(found, module, data):
    assert found.apply_to(module) is module
    np.testing.assert_allclose(outputs_of(module, data.test_images), found(data.test_images), rtol=1e-4, atol=1e-5)
    assert prune.is_pruned(module)
    names = dict(module.named_parameters())
    assert "conv1.weight_orig" in names and "fc.bias" in names
    assert torch.equal(module.conv1.weight_mask.bool(), torch.from_numpy(found.masks["conv1.weight"]))
    assert module.conv1.weight.eq(0).float().mean() > 0.5


def test_masks_hold_under_any_optimiser(found, module, data):
    found.apply_to(module).train()
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-2, weight_decay=0.1)
    for _ in range(3):
        loss = torch.nn.functional.cross_entropy(
            module(torch.from_numpy(data.images[:64])), torch.from_numpy(data.labels[:64])
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    module.eval()(torch.from_numpy(data.images[:2]))
    for name, mask in found.masks.items():
        weight = module.get_submodule(name[: -len(".weight")]).weight.detach().numpy()
        assert not weight[~mask].any() and weight[mask].all()


def test_apply_to_twice_and_to_a_pruned_module(found, module, data):
    found.apply_to(module)
    module(torch.from_numpy(data.images[:4]))  # the masked weights are now computed values
    other = ntt.prune(module, data.images, method="magnitude", density=0.1, threads=1)
    other.apply_to(module)
    np.testing.assert_allclose(outputs_of(module, data.test_images), other(data.test_images), rtol=1e-4, atol=1e-5)
    for part in (module.conv1, module.fc):
        prune.remove(part, "weight")
    assert not prune.is_pruned(module.fc)


def test_apply_to_another_module_changes_nothing(found):
    other = SmallNet(classes=5)
    before = copy.deepcopy(other.state_dict())
    with pytest.raises(ValueError, match=r"'fc.weight' of \[4, 8\].*one of \[5, 8\]"):
        found.apply_to(other)
    assert all(torch.equal(before[name], value) for name, value in other.state_dict().items())
    with pytest.raises(ValueError, match="none of that name"):
        found.apply_to(torch.nn.Linear(2, 2))


def test_files(found, data, tmp_path):
    found.save(tmp_path / "net.safetensors")
    found.to_onnx(tmp_path / "net.onnx")
    found.to_onnx(tmp_path / "sparse.onnx", sparse=True)
    for name in ("net.safetensors", "net.onnx", "sparse.onnx"):
        again = ntt.load(tmp_path / name)
        np.testing.assert_array_equal(again(data.test_images), found(data.test_images))
        assert again.density == found.density
        assert all(np.array_equal(again.masks[key], mask) for key, mask in found.masks.items())
    assert ntt.load(str(tmp_path / "net.safetensors")).metadata["method"] == "ntt"


def test_saved_file_is_plain_safetensors(found, tmp_path):
    found.save(tmp_path / "net.safetensors")
    raw = (tmp_path / "net.safetensors").read_bytes()
    assert b'"conv1.weight_mask"' in raw[: int.from_bytes(raw[:8], "little") + 8]


def test_inference_gives_back_what_it_got(found, data):
    assert isinstance(found(data.images[:3]), np.ndarray)
    tensor = found(torch.from_numpy(data.images[:3]))
    assert isinstance(tensor, torch.Tensor) and tensor.shape == (3, 4)


def test_execution_may_be_chosen(mlp, data):
    found = ntt.prune(mlp, data.images, method="magnitude", density=0.1, threads=1)
    expected = found(data.images[:50], execution="dense")
    np.testing.assert_allclose(found(data.images[:50], execution="sparse"), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="execution is 'quick'"):
        found(data.images, execution="quick")


def test_arrays_are_not_copied(data):
    from neural_tangent_transfer._data import Images

    tensor = torch.from_numpy(data.images)
    for images in (data.images, tensor):
        assert Images(images).values.ctypes.data == data.images.ctypes.data


def test_what_is_handed_out_outlives_the_network(mlp, data):
    found = ntt.prune(mlp, data.images, method="magnitude", density=0.5, threads=1)
    weights, masks, outputs = found.weights, found.masks, found(data.images[:5])
    copies = {name: value.copy() for name, value in weights.items()}
    first = outputs.copy()
    del found
    [np.full(10000, 7.0) for _ in range(100)]
    assert all(np.array_equal(copies[name], weights[name]) for name in weights)
    assert np.array_equal(first, outputs) and masks["1.weight"].dtype == bool


def test_report(found):
    table = found._repr_html_()
    assert "block.0.weight" in table and "<table>" in table and "kernel distance" in table
    assert "density" in repr(found)
    assert [layer["name"] for layer in found.layers] == ["conv1.weight", "block.0.weight", "fc.weight"]


def test_plot(found, mlp, data):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    axes = found.plot()
    assert [line.get_label() for line in axes.lines] == ["kernel distance", "target distance"]
    assert list(axes.lines[0].get_xdata()) == [0, 4, 8, 12]
    with pytest.raises(ValueError, match="takes no steps"):
        ntt.prune(mlp, data.images, method="magnitude", density=0.5, threads=1).plot()


def test_load_takes_a_pruned_module(data):
    model = SmallNet()
    model(torch.randn(8, 3, 8, 8))  # so that running statistics are not those of the start
    model.eval()
    prune.random_unstructured(model.conv1, "weight", 0.8)
    with torch.no_grad():
        model.block[0].weight[:3] = 0
    images = data.test_images[:5]
    network = ntt.load(model, example=images[:1])
    with torch.no_grad():
        expected = model(torch.from_numpy(images)).numpy()
    for execution in ("sparse", "auto", "dense"):
        np.testing.assert_allclose(network(images, execution=execution), expected, rtol=1e-4, atol=1e-5)
    assert network.masks["conv1.weight"].mean() == pytest.approx(0.2, abs=0.01)
    assert not network.masks["block.0.weight"][:3].any()
    with pytest.raises(ValueError, match="give an example of its inputs"):
        ntt.load(model)
