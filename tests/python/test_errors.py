"""One sentence that names what is wrong, and the kind of exception that Python expects."""

import neural_tangent_transfer as ntt
import numpy as np
import pytest
import torch
from conftest import QUICK


@pytest.mark.parametrize(
    "options, kind, words",
    [
        ({"density": 0}, ValueError, "density is 0, but must be at least 1e-06 and at most 1"),
        ({"density": float("nan")}, ValueError, "density is nan"),
        ({"density": "much"}, TypeError, "density must be float, not str"),
        ({"scope": "net"}, ValueError, "scope is 'net', but must be one of layer, global, erk"),
        ({"steps": -1}, ValueError, "steps is -1"),
        ({"steps": 1.5}, TypeError, "steps must be int, not float"),
        ({"learning_rate": 0}, ValueError, "learning_rate is 0, but must be above 0"),
        ({"batch_size": 1}, ValueError, "batch_size is 1, but must be at least 2"),
        ({"batch_size": 5000}, ValueError, "batch size 5000 is more than the"),
        ({"keep": "fc9"}, ValueError, "fc9"),
        ({"keep": ["1", "3"]}, ValueError, "none is left to prune"),
        ({"weights": "old"}, ValueError, "weights is 'old'"),
        ({"threads": -2}, ValueError, "threads is -2"),
        ({"resume": True}, ValueError, "a run to resume needs its folder"),
        ({"device": "gpu"}, ValueError, "device is 'gpu', but must be cpu, cuda or cuda:N"),
        ({"seed": -1}, ValueError, "seed is -1, but must be at least 0"),
        ({"weight_decay": -1}, ValueError, "weight_decay is -1"),
        ({"weight_decay": "none"}, TypeError, "weight_decay must be float or None, not str"),
        ({"mask": 3}, TypeError, "mask"),
    ],
)
def test_options(mlp, data, options, kind, words):
    with pytest.raises(kind, match=words):
        ntt.transfer(mlp, data.images, **{**QUICK, **options})


@pytest.mark.parametrize(
    "images, kind, words",
    [
        (3, TypeError, "images must be an array"),
        ("cifar-10", TypeError, "images must be an array"),
        ([], ValueError, "holds no batch"),
        ([1, 2], TypeError, "a batch of images"),
        (np.zeros((10, 3, 8, 8), np.int32), ValueError, "must be float, standardised, or uint8"),
        (np.zeros((0, 3, 8, 8), np.float32), ValueError, "at least one input"),
        (np.zeros((10,), np.float32), ValueError, r"must be \[N, ...\]"),
        (np.zeros((10, 3, 8), np.uint8)[:, None, None], ValueError, r"\[N, H, W\] or \[N, C, H, W\]"),
        ([np.zeros((4, 3, 8, 8), np.float32), np.zeros((4, 3, 9, 9), np.float32)], ValueError, "differ in shape"),
        (np.full((100, 3, 8, 8), np.nan, np.float32), ValueError, "NaN"),
    ],
)
def test_images(mlp, images, kind, words):
    with pytest.raises(kind, match=words):
        ntt.transfer(mlp, images, **QUICK)


@pytest.mark.parametrize(
    "labels, words",
    [
        ([0, 1], "600 images and 2 of labels"),
        (np.zeros(600), "whole numbers"),
        (np.full(600, 9), "labels are 9 to 9, but must be 0 to 3"),
    ],
)
def test_labels(mlp, data, labels, words):
    with pytest.raises(ValueError, match=words):
        ntt.prune(mlp, data.images, labels, method="snip")


def test_models(data):
    with pytest.raises(TypeError, match="a model must be a torch.nn.Module"):
        ntt.transfer(7, data.images)
    with pytest.raises(ValueError, match="say how many: classes=10"):
        ntt.transfer("lenet-300-100", data.images)
    with pytest.raises(ValueError, match="there is no|lenet-300-100"):
        ntt.transfer("lenet-9", data.images, classes=4)
    with pytest.raises(ValueError, match="nowhere.onnx"):
        ntt.transfer("nowhere.onnx", data.images)
    with pytest.raises(ValueError, match="nowhere"):
        ntt.load("nowhere")


def test_module_that_is_not_supported(data):
    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(192, 4)

        def forward(self, x):
            return torch.erfinv(self.fc(x.flatten(1)))

    with pytest.raises(ValueError, match="Odd"):
        ntt.transfer(Odd(), data.images)


def test_module_for_other_images(mlp, data):
    with pytest.raises(ValueError, match="Sequential"):
        ntt.transfer(mlp, data.images[:, :2])
    found = ntt.prune(mlp, data.images, method="random", threads=1)
    with pytest.raises(ValueError, match="3x8x8"):
        ntt.kernel(found, data.images[:, :2])
    with pytest.raises(ValueError):
        found(data.images[:, :2])
    with pytest.raises(ValueError, match="holds no mean"):
        found(data.raw)


def test_diverging_loss_is_a_runtime_error(mlp, data):
    with pytest.raises(RuntimeError, match="no longer finite at step"):
        ntt.transfer(mlp, data.images, **{**QUICK, "learning_rate": 1e30})


def test_disk_that_refuses(mlp, data, tmp_path):
    found = ntt.prune(mlp, data.images, method="random", threads=1)
    with pytest.raises((RuntimeError, ValueError), match="nowhere"):
        found.save(tmp_path / "nowhere" / "net.safetensors")
