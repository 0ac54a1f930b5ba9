"""How the networks that are checked are made, and for inputs of which shape."""

import timm
import torch
import torchvision
from names import TIMM, TORCHVISION
from torch import nn

IMAGE = (3, 224, 224)
FLAT = 1e-3  # a parameter that varies less is taken as constant
MOST_FOR_STATISTICS = 8  # inputs that batch norm's statistics are taken from


def signal():
    """A 1-D convolutional network with strides, dilation, groups and pooling."""
    return nn.Sequential(
        nn.Conv1d(2, 16, 7, stride=2, padding=3, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(3, 2, 1),
        nn.Conv1d(16, 32, 3, padding=2, dilation=2, groups=4), nn.BatchNorm1d(32), nn.ELU(), nn.AvgPool1d(2),
        nn.Conv1d(32, 32, 3, padding=1), nn.LeakyReLU(0.1), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, 6),
    )  # fmt: skip


def tabular():
    """A multilayer perceptron for a table's rows, which are normalised first."""
    return nn.Sequential(
        nn.BatchNorm1d(40), nn.Linear(40, 128, bias=False), nn.BatchNorm1d(128), nn.SiLU(), nn.Dropout(0.2),
        nn.Linear(128, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, 3),
    )  # fmt: skip


NETWORKS = {name: (lambda name=name: torchvision.models.get_model(name, weights=None), IMAGE) for name in TORCHVISION}
NETWORKS |= {name: (lambda name=name: timm.create_model(name), IMAGE) for name in TIMM}
NETWORKS |= {"signal": (signal, (2, 256)), "tabular": (tabular, (40,))}


def make_inputs(count, shape):
    """Noise and, in images and signals, coarse shapes, by which the outputs differ after the mean over all positions."""
    noise = torch.randn(count, *shape)
    if len(shape) == 1:
        return noise
    coarse = torch.randn(count, shape[0], *[8] * (len(shape) - 1))
    mode = "bilinear" if len(shape) == 3 else "linear"
    return nn.functional.interpolate(coarse, shape[1:], mode=mode) * 1.5 + noise * 0.5


def spoil_constants(network):
    """Draws what a new network has constant (zeros, ones, tiny scales of layers): a mix-up of those would not show."""
    for parameter in network.parameters():
        if parameter.numel() == 1 or parameter.std() < FLAT:
            if parameter.mean() > 0.5:
                parameter.uniform_(0.5, 1.5)
            else:
                parameter.normal_(0, 0.1)


def spoil_statistics(network, inputs):
    """Batch norm's statistics: near those of the inputs, so that outputs neither vanish nor explode, but not the same."""
    norms = [module for module in network.modules() if getattr(module, "running_var", None) is not None]
    if not norms:
        return
    for norm in norms:
        norm.momentum = None  # the mean over all that is seen
        norm.reset_running_stats()
    network.train()(inputs)
    for norm in norms:
        norm.running_mean += 0.2 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
        norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.6, 1.6)


@torch.no_grad()
def make_network(name, count, seed):
    """The network in eval(), and `count` inputs; the same for the same seed."""
    make, shape = NETWORKS[name]
    torch.manual_seed(seed)
    network = make()
    spoil_constants(network)
    spoil_statistics(network, make_inputs(MOST_FOR_STATISTICS, shape))
    return network.eval(), make_inputs(count, shape)
