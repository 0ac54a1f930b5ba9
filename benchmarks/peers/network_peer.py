"""One peer's inference of the network in a folder, at several batch sizes, in a process by itself."""

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

import numpy as np
from sparse_peer import LEARNING_RATE, TOLERANCE, time_calls


def pytorch(folder, inputs, threads, channels_last=False):
    import network_export  # noqa: F401, whose classes the file holds
    import torch

    sys.modules["__main__"].Block = network_export.Block
    torch.set_num_threads(threads)
    model = torch.load(folder / "network.pt", weights_only=False)
    x = torch.from_numpy(inputs)
    if channels_last:
        model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)

    def call():
        with torch.inference_mode():
            return model(x).numpy()

    return call


def onnxruntime(folder, inputs, threads):
    import onnxruntime as ort

    settings = ort.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(str(folder / "network.onnx"), settings, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"input": inputs})[0]


def openvino(folder, inputs, threads, sparse=False):
    import openvino as ov

    core = ov.Core()
    model = core.read_model(folder / "network.onnx")
    model.reshape(list(inputs.shape))
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    if sparse:
        settings["CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE"] = 0.5
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    return lambda: request.infer([inputs])[0]


def deepsparse(folder, inputs, threads):
    from deepsparse import compile_model

    engine = compile_model(str(folder / "network.onnx"), batch_size=len(inputs), num_cores=threads)
    feed = [np.ascontiguousarray(inputs)]
    return lambda: engine.run(feed, val_inp=False)[0]


def pytorch_training(folder, inputs, threads, channels_last=False):
    """A step of Adam on masked weights, as torch.nn.utils.prune masks them: weight * mask before the product."""
    import network_export
    import torch
    import torch.nn.functional as F
    from torch.nn.utils import prune

    sys.modules["__main__"].Block = network_export.Block
    torch.set_num_threads(threads)
    model = torch.load(folder / "network.pt", weights_only=False).train()
    x = torch.from_numpy(inputs)
    for module in model.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            prune.custom_from_mask(module, "weight", (module.weight != 0).float())
    if channels_last:
        model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    labels = torch.arange(len(inputs)) % 10
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)

    def call():
        optimizer.zero_grad()
        F.cross_entropy(model(x), labels).backward()
        optimizer.step()

    return call


# Each peer's ways of running a network, of which the fastest counts.
PEERS = {
    "pytorch-training": [pytorch_training, lambda *args: pytorch_training(*args, channels_last=True)],
    "pytorch": [pytorch, lambda *args: pytorch(*args, channels_last=True)],
    "onnxruntime": [onnxruntime],
    "openvino": [openvino, lambda *args: openvino(*args, sparse=True)],
    "deepsparse": [deepsparse],
}
MODULES = {"pytorch": "torch", "pytorch-training": "torch"}


def measure(options, batch):
    """The record of one batch size."""
    inputs = np.load(options.folder / "inputs.npy")[:batch]
    best, error = None, 0
    for way in PEERS[options.peer]:
        call = way(options.folder, inputs, options.threads)
        found = call()
        if found is not None:
            expected = np.load(options.folder / "expected.npy")[:batch]
            error = float(np.abs(found - expected).max() / np.abs(expected).max())
        if not error <= TOLERANCE:
            return {"batch_size": batch, "failure": f"wrong outputs: off by {error:.2g} of the largest"}
        ms = statistics.median(time_calls(call, options.seconds))
        best = ms if best is None else min(best, ms)
    return {"batch_size": batch, "ms": best, "error": error}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", choices=PEERS, required=True)
    parser.add_argument("--batch-sizes", type=int, nargs="+", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # frameworks chat on stdout
    module = __import__(MODULES.get(options.peer, options.peer))
    records = [measure(options, batch) for batch in options.batch_sizes]
    part = Path(f"{options.out}.part")
    part.write_text(json.dumps({"version": module.__version__, "records": records}), encoding="utf-8")
    part.replace(options.out)


if __name__ == "__main__":
    main()
