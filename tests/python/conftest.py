"""What the tests share: small images that can be learnt, small networks, the program."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)


class SmallNet(torch.nn.Module):
    """Convolutions without bias, batch norm, a residual sum, dropout: what an exporter could fold away or drop."""

    def __init__(self, classes=4):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(8)
        self.block = torch.nn.Sequential(
            torch.nn.Conv2d(8, 8, 3, padding=1, bias=False), torch.nn.BatchNorm2d(8), torch.nn.ReLU()
        )
        self.dropout = torch.nn.Dropout(0.5)
        self.fc = torch.nn.Linear(8, classes)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = x + self.block(x)
        return self.fc(self.dropout(x.mean((2, 3))))


def make_data(count, seed, classes=4, size=8):
    """uint8 images [N, 3, size, size] of noisy patterns, one per class, and their labels."""
    patterns = np.random.default_rng(0).integers(60, 196, (classes, 3, size, size))
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, count)
    noise = draw.normal(0, 60, (count, 3, size, size))
    return np.clip(patterns[labels] + noise, 0, 255).astype(np.uint8), labels.astype(np.int64)


@pytest.fixture(scope="session")
def data():
    """Training and test images as uint8 and as standardised floats."""
    train, labels = make_data(600, 1)
    test, test_labels = make_data(200, 2)
    mean = (train / 255).mean((0, 2, 3), keepdims=True)
    deviation = (train / 255).std((0, 2, 3), keepdims=True)
    return SimpleNamespace(
        raw=train,
        images=((train / 255 - mean) / deviation).astype(np.float32),
        labels=labels,
        raw_test=test,
        test_images=((test / 255 - mean) / deviation).astype(np.float32),
        test_labels=test_labels,
    )


@pytest.fixture
def module():
    torch.manual_seed(0)
    return SmallNet()


@pytest.fixture
def mlp():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 64), torch.nn.ReLU(), torch.nn.Linear(64, 4))


@pytest.fixture(scope="session")
def program():
    path = os.environ.get("NTT_PROGRAM", "")
    if not Path(path).is_file():
        pytest.skip("NTT_PROGRAM does not name the program")
    return path


QUICK = {
    "steps": 12,
    "batch_size": 32,
    "held_out": 0.02,
    "evaluate_interval": 4,
    "mask_interval": 4,
    "threads": 1,
    "progress": False,
}
