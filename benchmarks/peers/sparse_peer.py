"""One peer's answers or training steps of sparse networks, one model at several densities, in a process alone."""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np

TOLERANCE = 1e-4  # of the largest output
LEARNING_RATE = 1e-9  # so small that no step changes how long the next takes


def read_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", choices=PEERS, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--densities", type=float, nargs="+", required=True)
    parser.add_argument("--batch-sizes", type=int, nargs="+", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True, help="timed, for each density and batch size")
    parser.add_argument("--folder", required=True, help="inputs, our outputs, and the networks as ONNX")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    return options


class Sparse:
    """What is timed: the folder's network of one density."""

    def __init__(self, options, density):
        import reference

        self.options, self.density, self.folder = options, density, Path(options.folder)
        self.problem = reference.Problem(options.model, density)
        self.onnx = str(self.folder / f"{density:g}.onnx")
        self.inputs = np.load(self.folder / "inputs.npy")
        self.expected = np.load(self.folder / f"{density:g}.npy")

    def masked(self):
        """(weight, bias) arrays of each layer with weights."""
        return [(w * m, b) for w, m, b in zip(self.problem.weights, self.problem.masks, self.problem.biases)]


def torch_dense(sparse, batch):
    import torch
    from peer_torch import forward

    torch.set_num_threads(sparse.options.threads)
    x = torch.from_numpy(sparse.inputs[:batch])
    parameters = [tuple(torch.from_numpy(array) for array in pair) for pair in sparse.masked()]

    def answer():
        with torch.inference_mode():
            return forward(sparse.problem.layers, parameters, x)

    return answer, lambda: answer().numpy()


def torch_csr(sparse, batch):
    """Activations are kept as [features, batch], so that every layer is one product of a CSR matrix."""
    import warnings

    import torch
    import torch.nn.functional as F

    warnings.filterwarnings("ignore", message="Sparse CSR")
    torch.set_num_threads(sparse.options.threads)
    x = torch.from_numpy(sparse.inputs[:batch])
    matrix = lambda weight: torch.from_numpy(weight).flatten(1).to_sparse_csr()
    parameters = [(matrix(weight), torch.from_numpy(bias)[:, None]) for weight, bias in sparse.masked()]

    def convolution(images, weight, bias, kernel):
        height, width = (size - kernel + 1 for size in images.shape[2:])
        columns = F.unfold(images, kernel).transpose(0, 1).reshape(weight.shape[1], -1)
        return torch.addmm(bias, weight, columns).reshape(-1, batch, height, width).transpose(0, 1)

    def answer():
        with torch.inference_mode():
            rest, values = iter(parameters), x
            for layer in sparse.problem.layers:
                if layer == "relu":
                    values = F.relu(values)
                elif layer == "pool":
                    values = F.max_pool2d(values, 2)
                elif layer == "flatten":
                    values = values.flatten(1).t().contiguous()
                elif layer[0] == "linear":
                    weight, bias = next(rest)
                    values = torch.addmm(bias, weight, values)
                else:
                    values = convolution(values, *next(rest), layer[3])
            return values.t()

    return answer, lambda: answer().numpy()


def onnxruntime(sparse, batch):
    import onnxruntime as ort

    settings = ort.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = sparse.options.threads, 1
    session = ort.InferenceSession(sparse.onnx, settings, providers=["CPUExecutionProvider"])
    feed = {"input": sparse.inputs[:batch]}
    answer = lambda: session.run(None, feed)[0]
    return answer, answer


def deepsparse(sparse, batch):
    from deepsparse import compile_model

    engine = compile_model(sparse.onnx, batch_size=batch, num_cores=sparse.options.threads)
    feed = [np.ascontiguousarray(sparse.inputs[:batch])]
    answer = lambda: engine.run(feed, val_inp=False)[0]
    return answer, answer


def torch_training(sparse, batch):
    """Masks as PyTorch users write them: weight * mask before the product, so that the gradient is masked too."""
    import torch
    import torch.nn.functional as F
    from peer_torch import forward

    torch.set_num_threads(sparse.options.threads)
    tensor = lambda array: torch.from_numpy(array.copy())
    x, labels = tensor(sparse.inputs[:batch]), torch.arange(batch) % 10
    parameters = [(tensor(w).requires_grad_(), tensor(b).requires_grad_()) for w, b in sparse.masked()]
    masks = [tensor(mask) for mask in sparse.problem.masks]
    leaves = [leaf for pair in parameters for leaf in pair]
    optimizer = torch.optim.Adam(leaves, lr=LEARNING_RATE, fused=True)
    outputs = lambda: forward(sparse.problem.layers, [(w * m, b) for (w, b), m in zip(parameters, masks)], x)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(outputs(), labels).backward()
        optimizer.step()

    return step, lambda: outputs().detach().numpy()


PEERS = {
    "pytorch": torch_dense,
    "pytorch-csr": torch_csr,
    "onnxruntime": onnxruntime,
    "deepsparse": deepsparse,
    "pytorch-training": torch_training,
}
MODULES = {"pytorch": "torch", "pytorch-csr": "torch", "pytorch-training": "torch"}


def time_calls(call, seconds):
    """Milliseconds of each call in so many seconds, three at least; the first ones are not counted."""
    for _ in range(3):
        call()
    times, began = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - began < seconds:
        before = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - before))
    return times


def measure(options, density, batch):
    """The record of one density and batch size."""
    record = {"density": density, "batch_size": batch}
    sparse = Sparse(options, density)
    call, outputs = PEERS[options.peer](sparse, batch)
    found, expected = outputs(), sparse.expected[:batch]
    error = float(np.abs(found - expected).max() / np.abs(expected).max())
    if not error <= TOLERANCE:
        return record | {"failure": f"wrong outputs: off by {error:.2g} of the largest"}
    times = time_calls(call, options.seconds)
    return record | {"ms": statistics.median(times), "calls": len(times), "error": error}


def main():
    options = read_options()
    # Frameworks chat on stdout; results go to --out alone.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    module = __import__(MODULES.get(options.peer, options.peer))
    records = [measure(options, density, batch) for density in options.densities for batch in options.batch_sizes]
    part = Path(f"{options.out}.part")
    part.write_text(json.dumps({"version": module.__version__, "records": records}), encoding="utf-8")
    part.replace(options.out)


if __name__ == "__main__":
    main()
