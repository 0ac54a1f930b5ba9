"""Draws a standard network, prunes it, and writes it as ONNX and for PyTorch, with inputs, in a process by itself."""

import argparse
import warnings
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import nn

warnings.filterwarnings("ignore")


class Block(nn.Module):
    """Two convolutions of 3 x 3 with a shortcut (He et al., CVPR 2016)."""

    def __init__(self, channels, out, stride):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out))
        self.second = nn.Sequential(nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out))
        same = stride == 1 and channels == out
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        )

    def forward(self, x):
        return torch.relu(self.second(torch.relu(self.first(x))) + self.shortcut(x))


def cifar_resnet(widths, blocks):
    layers = [nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()]
    channels = widths[0]
    for stage, width in enumerate(widths):
        for block in range(blocks):
            layers.append(Block(channels, width, 2 if stage > 0 and block == 0 else 1))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def of_torchvision(name):
    return lambda: getattr(torchvision.models, name)(weights=None)


# What makes each network, and the height and width of its inputs.
NETWORKS = {
    "resnet-18": (of_torchvision("resnet18"), 224),
    "resnet-50": (of_torchvision("resnet50"), 224),
    "vgg-16-bn": (of_torchvision("vgg16_bn"), 224),
    "mobilenet-v2": (of_torchvision("mobilenet_v2"), 224),
    "efficientnet-b0": (of_torchvision("efficientnet_b0"), 224),
    "resnet-20-cifar": (lambda: cifar_resnet([16, 32, 64], 3), 32),
    "resnet-18-cifar": (lambda: cifar_resnet([64, 128, 256, 512], 2), 32),
}
MASKS = ["uniform", "erk", "global"]


def erk_densities(weights, density):
    """Of each weight, in proportion to the sum of its sides over their product (Evci et al., ICML 2020), at most 1."""
    dense = set()
    while True:
        rest = [i for i in range(len(weights)) if i not in dense]
        raw = {i: sum(weights[i].shape) / np.prod(weights[i].shape) for i in rest}
        kept = density * sum(w.numel() for w in weights) - sum(weights[i].numel() for i in dense)
        scale = kept / sum(raw[i] * weights[i].numel() for i in rest)
        over = {i for i in rest if scale * raw[i] > 1}
        if not over:
            return [1.0 if i in dense else scale * raw[i] for i in range(len(weights))]
        dense |= over


def prune(weights, density, masks, generator):
    """Sets all but a share of the weights to zero: random ones in each layer, or the smallest of all layers."""
    if masks == "global":
        every = torch.cat([weight.abs().flatten() for weight in weights])
        least = every.kthvalue(max(1, round((1 - density) * every.numel()))).values
        for weight in weights:
            weight[weight.abs() <= least] = 0
        return
    densities = [density] * len(weights) if masks == "uniform" else erk_densities(weights, density)
    for weight, share in zip(weights, densities):
        order = torch.randperm(weight.numel(), generator=generator)
        weight.view(-1)[order[max(1, round(share * weight.numel())) :]] = 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--density", type=float, required=True)
    parser.add_argument("--masks", choices=MASKS, required=True)
    parser.add_argument("--batch-size", type=int, required=True, help="inputs to write")
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(1)
    make, size = NETWORKS[options.network]
    model = make().eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1, generator=generator)
                module.running_var.uniform_(0.5, 1.5, generator=generator)
        weights = [p for p in model.parameters() if p.dim() > 1]
        # Drawn weights of the classifier are by far the smallest: none of them would be left.
        prune(weights[:-1] if options.masks == "global" else weights, options.density, options.masks, generator)
    inputs = np.random.default_rng(2022).standard_normal((options.batch_size, 3, size, size)).astype(np.float32)
    np.save(options.folder / "inputs.npy", inputs)
    torch.save(model, options.folder / "network.pt")
    torch.onnx.export(
        model,
        (torch.from_numpy(inputs[:1]),),
        str(options.folder / "network.onnx"),
        dynamo=False,
        opset_version=13,
        input_names=["input"],
        output_names=["output"],
        dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
    )


if __name__ == "__main__":
    main()
