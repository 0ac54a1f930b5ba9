"""Compares imported models with ONNX Runtime, and ONNX's own light models with what they give.

usage: models_test.py EVALUATE_ONNX FOLDER
"""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from models import networks

ROUNDING = 1e-4  # of the largest output
LIGHT_MODELS = 3  # that pass; others normalise across channels (LRN), or compute more weights than a reader should believe
# (opset, whether the batch is free, whether constants are folded: without, batch norms stay and shapes are computed)
EXPORTS = [(9, True, True), (11, False, True), (13, True, True), (13, True, False), (16, False, False)]
NEWEST_OPSET = {"mobilenet-v3": 13}  # from 14 on hard-swish is an operator of its own
NOT_THERE = ("step!=1 is currently not supported",)  # in the exporter's oldest opset


def prepare(network):
    """Statistics and parameters that are no zeros and ones: mistakes with those would not be seen."""
    for module in network.modules():
        if getattr(module, "running_mean", None) is not None:
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, (torch.nn.modules.batchnorm._BatchNorm, torch.nn.LayerNorm)):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.2)
    return network.eval()


def export(network, inputs, path, opset, free, folds):
    torch.onnx.export(
        network,
        inputs if free else inputs[:1],
        path,
        opset_version=opset,
        input_names=["input"],
        dynamic_axes={"input": {0: "batch"}} if free else None,
        do_constant_folding=folds,
        training=torch.onnx.TrainingMode.EVAL if folds else torch.onnx.TrainingMode.PRESERVE,
    )


def with_external_data(path):
    model = onnx.load(path)
    path = path.with_name(path.stem + "-external.onnx")
    onnx.save(model, path, save_as_external_data=True, location=path.name + ".data", size_threshold=0)
    return path


def evaluated(evaluate, path, inputs, folder):
    """Our outputs, or the sentence that says why there are none."""
    given, outputs = folder / f"{path.stem}.in.npy", folder / f"{path.stem}.out.npy"
    np.save(given, inputs)
    run = subprocess.run([evaluate, path, given, outputs], capture_output=True, text=True)
    return (None, run.stderr.strip()) if run.returncode else (np.load(outputs), "")


def largest_error(evaluate, path, inputs):
    """Of our outputs, relative to the largest of ONNX Runtime's."""
    ours, why_not = evaluated(evaluate, path, inputs, path.parent)
    if ours is None:
        sys.exit(f"{path.name}: {why_not}")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    expected = session.run(None, {session.get_inputs()[0].name: inputs})[0]
    if ours.shape != expected.shape:
        sys.exit(f"{path.name}: outputs of {ours.shape}, not {expected.shape}")
    return np.abs(ours - expected).max() / np.abs(expected).max()


def light_models(evaluate, folder):
    """ONNX's light models: large networks whose weights are constants. Each passes, or lacks a supported operator."""
    passed = 0
    paths = sorted((Path(onnx.__file__).parent / "backend/test/data/light").glob("light_*.onnx"))
    for path in paths:
        inputs = np.linspace(0, 1, 3 * 224 * 224, endpoint=False, dtype=np.float32).reshape(1, 3, 224, 224)
        ours, why_not = evaluated(evaluate, path, inputs, folder)
        if ours is None:
            print(f"skipped {path.stem}: {why_not.split('; supported are')[0]}")
            continue
        expected = onnx.numpy_helper.to_array(onnx.load_tensor(path.with_name(f"{path.stem}_output_0.pb")))
        if ours.size != expected.size or not np.allclose(ours.ravel(), expected.ravel(), rtol=1e-3, atol=1e-7):
            sys.exit(f"{path.name}: the outputs are not those of ONNX")
        print(f"passed  {path.stem}")
        passed += 1
    print(f"{passed} of {len(paths)} light models passed")
    if passed < LIGHT_MODELS:
        sys.exit(f"{LIGHT_MODELS} did before")


def main():
    evaluate, folder = sys.argv[1], Path(sys.argv[2])
    warnings.filterwarnings("ignore")
    torch.manual_seed(1)
    count = 0
    worst = 0
    for name, (network, shape) in networks().items():
        prepare(network)
        inputs = torch.randn(3, *shape)
        for opset, free, folds in EXPORTS:
            if opset > NEWEST_OPSET.get(name, opset):
                continue
            path = folder / f"{name}-{opset}-{'free' if free else 'fixed'}-{'folded' if folds else 'plain'}.onnx"
            try:
                export(network, inputs, path, opset, free, folds)
            except torch.onnx.errors.SymbolicValueError as error:
                if any(text in str(error) for text in NOT_THERE):
                    continue
                raise
            paths = [path, with_external_data(path)] if opset == 13 and folds else [path]
            for each in paths:
                error = largest_error(evaluate, each, inputs[: 3 if free else 1].numpy())
                if not error <= ROUNDING:
                    sys.exit(f"{each.name}: the outputs differ by {error:.1e} of the largest")
                worst = max(worst, error)
                count += 1
    light_models(evaluate, folder)
    print(f"{count} models give ONNX Runtime's outputs, to {worst:.1e} of the largest")


main()
