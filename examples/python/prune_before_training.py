"""Prune my ResNet before training: finds a sparse network without labels, trains it with PyTorch, and counts.

python prune_before_training.py              # small patterns, made here: half a minute
python prune_before_training.py data.npz     # images uint8 [N, C, H, W], labels [N], test_images, test_labels
"""

import sys

import neural_tangent_transfer as ntt
import numpy as np
import torch
from torch import nn


class Block(nn.Module):
    """Two convolutions around which the input is added back, as in torchvision's ResNets."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if stride > 1 else nn.Identity()

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def make_resnet(channels, classes):
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        Block(16, 16, 1),
        Block(16, 32, 2),
        Block(32, 64, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, classes),
    )


def make_patterns(count, seed, classes=5):
    """Noisy patterns, one per class: uint8 [count, 3, 16, 16], and their labels."""
    patterns = np.random.default_rng(0).integers(70, 186, (classes, 3, 16, 16))
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, count)
    return np.clip(patterns[labels] + draw.normal(0, 70, (count, 3, 16, 16)), 0, 255).astype(np.uint8), labels


def train(model, images, labels, epochs):
    """A plain loop of PyTorch: what it does to a dense model it does to a pruned one."""
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    model.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(images[chosen]), labels[chosen]).backward()
            optimiser.step()


def accuracy(model, images, labels):
    with torch.no_grad():
        return (model.eval()(images).argmax(1) == labels).float().mean().item()


def main():
    if len(sys.argv) > 1:
        data = np.load(sys.argv[1])
        images, labels, test_images, test_labels = (
            data[name] for name in ("images", "labels", "test_images", "test_labels")
        )
    else:
        images, labels = make_patterns(800, seed=1)
        test_images, test_labels = make_patterns(400, seed=2)
    torch.manual_seed(0)
    model = make_resnet(images.shape[1], int(labels.max()) + 1)

    # No label is read: only the images. uint8 images are standardised, and the result remembers how.
    sparse = ntt.transfer(model, images, density=0.1, steps=60, held_out=0.02)
    print(sparse)
    for layer in sparse.layers:
        print(f"  {layer['name']:24} {layer['kept']:6} of {layer['weights']:6} weights")
    sparse.apply_to(model)

    standardise = sparse.normalisation.standardise
    x, y = torch.from_numpy(standardise(images)), torch.from_numpy(labels).long()
    test_x, test_y = torch.from_numpy(standardise(test_images)), torch.from_numpy(test_labels).long()
    train(model, x, y, epochs=4)
    zeros = sum((m.weight == 0).sum().item() for m in model.modules() if hasattr(m, "weight_mask"))
    print(f"test accuracy {accuracy(model, test_x, test_y):.1%} with {zeros} weights at 0")


if __name__ == "__main__":
    main()
