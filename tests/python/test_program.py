"""The package beside the program: the same options, the same defaults, the same networks."""

import inspect
import re
import subprocess

import neural_tangent_transfer as ntt
import numpy as np
import pytest
import torch
from conftest import make_data
from neural_tangent_transfer import _native

# What the program needs a word for and Python does not: data come as arrays, results as objects.
PROGRAM_ONLY = {"help", "config", "json", "data", "model", "classes"}
FUNCTIONS = {
    "transfer": ntt.transfer,
    "prune": ntt.prune,
    "train": ntt.train,
    "kernel": ntt.kernel,
    "evaluate": ntt.evaluate,
}
ELSEWHERE = {
    "train": {"init"},  # the model
    "kernel": {"network", "against", "samples", "test_samples", "out"},
    "evaluate": {"network", "device"},  # outputs come from the CPU
}
# Where the default is another: a module has weights of its own, and results need no folder.
OTHER_DEFAULTS = {"weights", "out", "keep", "resume", "tensorboard", "weight_decay", "milestones", "augment"}
PYTHON_ONLY = {
    "transfer": {"model", "images", "progress", "classes"},
    "prune": {"model", "images", "labels", "progress", "classes"},
    "train": {"model", "images", "labels", "test_images", "test_labels", "progress"},
    "kernel": {"model", "x1", "x2", "progress"},
    "evaluate": {"model", "images", "labels"},
}


def options_of(program, command):
    """{name: default or None} of a command's --help."""
    text = subprocess.run([program, command, "--help"], capture_output=True, text=True, check=True).stdout
    found = {}
    for match in re.finditer(r"^ +--([a-z-]+)(.*(?:\n {20,}.*)*)", text, re.MULTILINE):
        default = re.search(r"\(default: ([^)]*)\)$", match.group(2))
        found[match.group(1).replace("-", "_")] = default.group(1) if default else None
    return found


@pytest.mark.parametrize("command", FUNCTIONS)
def test_every_option_is_a_keyword_with_the_same_default(program, command):
    options = options_of(program, command)
    keywords = inspect.signature(FUNCTIONS[command]).parameters
    assert len(options) > 4
    expected = set(options) - PROGRAM_ONLY - ELSEWHERE.get(command, set())
    assert expected == set(keywords) - PYTHON_ONLY[command]
    for name in expected - OTHER_DEFAULTS:
        shown, default = options[name], keywords[name].default
        if default in (inspect.Parameter.empty, None):
            continue
        assert shown is not None, name
        same = shown == default if isinstance(default, str) else float(shown) == float(default)
        assert same, f"{name}: {shown} and {default}"


@pytest.mark.parametrize(
    "function, options",
    [
        (ntt.transfer, _native.FindOptions()),
        (ntt.prune, _native.FindOptions()),
        (ntt.train, _native.TrainingOptions()),
        (ntt.kernel, _native.KernelOptions()),
    ],
)
def test_defaults_are_the_librarys(function, options):
    keywords = inspect.signature(function).parameters
    shared = {name: keywords[name].default for name in keywords if name != "method" and hasattr(options, name)}
    shared = {name: list(value) if isinstance(value, tuple) else value for name, value in shared.items()}
    assert len(shared) > 4
    assert shared == {name: getattr(options, name) for name in shared}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data set of .npy files for the program."""
    path = tmp_path_factory.mktemp("data")
    for part, count, seed in (("train", 300, 3), ("test", 60, 4)):
        images, labels = make_data(count, seed)
        np.save(path / f"{part}-images.npy", images)
        np.save(path / f"{part}-labels.npy", labels)
    return path


def program_network(program, *arguments):
    *command, out = [str(argument) for argument in arguments]
    subprocess.run([program, *command, "--threads", "1", "--out", out], check=True, capture_output=True)
    return ntt.load(out)


def assert_same(network, expected):
    assert network.weights.keys() == expected.weights.keys()
    for name, mask in expected.masks.items():
        np.testing.assert_array_equal(network.masks[name], mask)
    for name, value in expected.weights.items():
        np.testing.assert_array_equal(network.weights[name], value)


@pytest.mark.parametrize("model", ["lenet-300-100", "resnet-20"])
def test_transfer_finds_the_same_bits(program, folder, tmp_path, model):
    options = {"density": 0.1, "steps": 12, "batch_size": 32, "held_out": 0.02, "mask_interval": 4, "seed": 3}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    expected = program_network(program, "transfer", "--model", model, "--data", folder, *flags, tmp_path / "run")
    images = np.load(folder / "train-images.npy")
    found = ntt.transfer(model, images, classes=4, threads=1, progress=False, **options)
    assert_same(found, expected)
    assert list(found.normalisation.mean) == list(expected.normalisation.mean)
    test = np.load(folder / "test-images.npy")
    np.testing.assert_array_equal(found(test, threads=1), expected(test, threads=1))


@pytest.mark.parametrize("method", ["snip", "synflow", "random"])
def test_prune_finds_the_same_bits(program, folder, tmp_path, method):
    flags = ["--method", method, "--density", "0.1", "--seed", "2", "--samples", "100"]
    expected = program_network(program, "prune", "--model", "lenet-300-100", "--data", folder, *flags, tmp_path / "run")
    images, labels = np.load(folder / "train-images.npy"), np.load(folder / "train-labels.npy")
    assert_same(
        ntt.prune("lenet-300-100", images, labels, method=method, density=0.1, seed=2, samples=100, threads=1), expected
    )


def test_training_and_kernel_are_the_same(program, folder, tmp_path):
    start = program_network(
        program, "prune", "--method", "magnitude", "--model", "lenet-300-100", "--data", folder, tmp_path / "start"
    )
    flags = ["--epochs", "2", "--batch-size", "32", "--seed", "4"]
    expected = program_network(
        program, "train", "--init", tmp_path / "start", "--data", folder, *flags, tmp_path / "trained"
    )
    images, labels = np.load(folder / "train-images.npy"), np.load(folder / "train-labels.npy")
    test, test_labels = np.load(folder / "test-images.npy"), np.load(folder / "test-labels.npy")
    trained = ntt.train(
        start, images, labels, test, test_labels, epochs=2, batch_size=32, seed=4, threads=1, progress=False
    )
    assert_same(trained, expected)
    flags = [
        "kernel",
        "--network",
        tmp_path / "start",
        "--data",
        folder,
        "--samples",
        "8",
        "--threads",
        "1",
        "--out",
        tmp_path / "K.npy",
    ]
    subprocess.run([program, *map(str, flags)], check=True, capture_output=True)
    np.testing.assert_array_equal(ntt.kernel(start, images[:8], threads=1), np.load(tmp_path / "K.npy"))


def test_the_program_goes_on_with_what_the_package_found(program, folder, tmp_path):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 4))
    images, labels = np.load(folder / "train-images.npy"), np.load(folder / "train-labels.npy")
    ntt.prune(net, images, labels, method="snip", density=0.2, threads=1).save(tmp_path / "net.safetensors")
    trained = program_network(
        program, "train", "--init", tmp_path / "net.safetensors", "--data", folder, "--steps", 5, tmp_path / "trained"
    )
    assert trained.density < 0.21


def test_the_program_takes_the_packages_run_folder_apart(program, tmp_path):
    images, labels = make_data(100, 1)
    ntt.prune("lenet-300-100", images, labels, method="snip", density=0.2, threads=1, out=tmp_path / "snip")
    command = [program, "ablate", "--init", tmp_path / "snip", "--threads", "1"]
    for what in ("shuffle", "reinitialise"):
        shuffled = program_network(*command[:4], "--what", what, tmp_path / what)
        assert shuffled.density == pytest.approx(0.2, abs=0.01)
    refused = subprocess.run([*command, "--what", "invert", "--out", tmp_path / "x"], capture_output=True, text=True)
    assert refused.returncode == 2 and "was found on arrays" in refused.stderr
