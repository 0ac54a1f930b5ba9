"""A training step of masked networks in PyTorch, and of the same with `neural_tangent_transfer.torch.sparsify`.

    OMP_NUM_THREADS=2 python3 benchmarks/sparsify.py [--threads N] [--steps N]

prints a Markdown table: milliseconds of a step (SGD with momentum, 64 images of CIFAR-10's size), medians of steps
that take turns, and their ratio. Outputs and gradients are compared first.
"""

import argparse
import statistics
import time

import torch
from torch import nn
from torch.nn.utils import prune

import neural_tangent_transfer.torch as sparse


class Block(nn.Module):
    """A basic residual block (He et al., CVPR 2016)."""

    def __init__(self, channels, out, stride):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True),
            nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out))
        self.shortcut = nn.Identity() if stride == 1 and channels == out else nn.Sequential(
            nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        return torch.relu(self.branch(x) + self.shortcut(x))


def resnet20():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    channels = 16
    for out in (16, 32, 64):
        for number in range(3):
            layers.append(Block(channels, out, 2 if number == 0 and out > 16 else 1))
            channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def conv4():
    def pair(channels, out):
        return [nn.Conv2d(channels, out, 3, 1, 1), nn.ReLU(inplace=True), nn.Conv2d(out, out, 3, 1, 1),
                nn.ReLU(inplace=True), nn.MaxPool2d(2)]

    return nn.Sequential(*pair(3, 64), *pair(64, 128), nn.Flatten(), nn.Linear(8192, 256), nn.ReLU(inplace=True),
                         nn.Linear(256, 256), nn.ReLU(inplace=True), nn.Linear(256, 10))


def masked(model, density):
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            prune.custom_from_mask(module, "weight", (torch.rand_like(module.weight) < density).float())
    return model


def step(model, optimiser, images, labels):
    optimiser.zero_grad()
    loss = nn.functional.cross_entropy(model(images), labels)
    loss.backward()
    optimiser.step()
    return loss.item()


def compare(name, make, density, steps):
    images, labels = torch.randn(64, 3, 32, 32), torch.randint(0, 10, (64,))
    model = masked(make(), density)
    fast = sparse.sparsify(model, max_density=1.0)
    contestants = {m: torch.optim.SGD(m.parameters(), lr=0.01, momentum=0.9) for m in (model, fast)}
    losses = [step(m, optimiser, images, labels) for m, optimiser in contestants.items() for _ in range(3)]
    assert abs(losses[2] - losses[5]) < 1e-3 * abs(losses[2]), f"{name}: the losses are {losses[2]} and {losses[5]}"
    times = {m: [] for m in contestants}
    for _ in range(steps):
        for m, optimiser in contestants.items():
            start = time.perf_counter()
            step(m, optimiser, images, labels)
            times[m].append(1e3 * (time.perf_counter() - start))
    ours, theirs = statistics.median(times[fast]), statistics.median(times[model])
    print(f"| {name} | {density} | {theirs:.1f} | {ours:.1f} | {theirs / ours:.1f}× |", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--steps", type=int, default=15)
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(1)
    print(f"PyTorch {torch.__version__}, {given.threads} threads\n")
    print("| network | density | masked, ms a step | kept weights only, ms | faster by |")
    print("|---|---:|---:|---:|---:|")
    for density in (0.2, 0.1, 0.05, 0.03):
        compare("conv-4", conv4, density, given.steps)
        compare("resnet-20", resnet20, density, given.steps)


if __name__ == "__main__":
    main()
