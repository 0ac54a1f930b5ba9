"""Opens exported networks in the programs that they are meant for. usage: consumers_test.py FOLDER"""

import json
import sys
import tomllib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import safetensors.torch
import torch
from safetensors import safe_open
from scipy.sparse import csr_matrix

import graph

ROUNDING = 2e-6  # of the largest output: a few units in the last place of float32


class Case:
    """One network: its exports, and what ntt computes with it."""

    def __init__(self, folder):
        self.folder = folder
        self.inputs = np.load(folder / "inputs.npy")
        self.outputs = np.load(folder / "outputs.npy")
        self.metadata, tensors = self.load("dense.safetensors")
        self.masks = {name.removesuffix("_mask"): mask.numpy() for name, mask in tensors.items() if "_mask" in name}
        self.state = {name: tensor for name, tensor in tensors.items() if "_mask" not in name}
        self.architecture = tomllib.loads(self.metadata["architecture"])
        self.weights = graph.prunable_weights(self.architecture)

    def load(self, name):
        with safe_open(self.folder / name, framework="pt") as file:
            metadata = file.metadata()
        return metadata, safetensors.torch.load_file(self.folder / name)

    def fail(self, message):
        sys.exit(f"{self.folder.name}: {message}")

    def check_outputs(self, outputs, name, rounding=ROUNDING):
        error = np.abs(outputs - self.outputs).max() / np.abs(self.outputs).max()
        if outputs.shape != self.outputs.shape or not error <= rounding:
            self.fail(f"{name} gives other outputs: the largest differs by {error:.1e} of the largest")

    def check_state(self, state, name):
        """Exactly the dense weights, in PyTorch exactly our outputs."""
        for key, value in self.state.items():
            if not np.array_equal(value.numpy(), state[key].numpy()):
                self.fail(f"{name} has another {key}")
        if set(state) != graph.all_parameters(self.architecture):
            self.fail(f"{name} holds {sorted(state)}")
        self.check_outputs(graph.outputs(self.architecture, state, torch.from_numpy(self.inputs)).numpy(), name)

    def check_zeros_and_density(self):
        kept = total = 0
        for name in self.weights:
            weight = self.state[name]
            mask = self.masks.get(name, np.ones(weight.shape))
            kept += mask.sum()
            total += mask.size
            if weight.numpy().view(np.uint32)[mask == 0].any():
                self.fail(f"{name} is not zero where it is pruned")
        if abs(float(self.metadata["density"]) - kept / total) > 1e-12:
            self.fail(f"density is {kept / total}, not {self.metadata['density']}")


def decode_compact(metadata, tensors):
    """Dense tensors and masks of a file in compact form, as docs/architecture.md describes it."""
    state = dict(tensors)
    masks = {}
    for name, weight in json.loads(metadata.get("compact", '{"weights": {}}'))["weights"].items():
        coded = state.pop(name + "_places").numpy()
        values = state.pop(name + "_values")
        if weight["places"] == "bits":
            places = np.flatnonzero(np.unpackbits(coded, bitorder="little"))
        else:
            escape = 255 if weight["places"] == "gaps8" else 65535
            gaps = coded.view("u1" if escape == 255 else "<u2").astype(np.int64)
            places = (np.cumsum(gaps + np.where(gaps == escape, 0, 1)) - 1)[gaps != escape]
        dense = torch.zeros(weight["shape"], dtype=values.dtype)
        dense.view(-1)[torch.from_numpy(places)] = values
        mask = np.zeros(weight["shape"], dtype=np.uint8)
        mask.flat[places] = 1
        state[name], masks[name] = dense, mask
    return state, masks


def check_safetensors(case):
    case.check_state(case.state, "dense.safetensors")
    state, masks = decode_compact(*case.load("compact.safetensors"))
    case.check_state(state, "compact.safetensors")
    if masks.keys() != case.masks.keys() or any(not np.array_equal(masks[name], case.masks[name]) for name in masks):
        case.fail("compact.safetensors has other masks")
    for name, dtype in (("float16.safetensors", torch.float16), ("bfloat16.safetensors", torch.bfloat16)):
        metadata, tensors = case.load(name)
        state = decode_compact(metadata, tensors)[0]
        for key, value in case.state.items():
            if not torch.equal(state[key], value.to(dtype) if key in case.weights else value):
                case.fail(f"{name} has another {key}")


def check_npz(case):
    arrays = np.load(case.folder / "network.npz")
    metadata = json.loads(arrays["metadata"].tobytes())
    case.check_state({name: torch.from_numpy(arrays[name]) for name in case.state}, "network.npz")
    if set(arrays) != {*case.state, *(name + "_mask" for name in case.masks), "metadata"}:
        case.fail(f"network.npz holds {sorted(arrays)}")
    if any(not np.array_equal(arrays[name + "_mask"], mask) for name, mask in case.masks.items()):
        case.fail("network.npz has other masks")
    if metadata["provenance"] != "a test":
        case.fail(f"network.npz has the metadata {metadata}")


def check_csr(case):
    arrays = np.load(case.folder / "network.csr.npz")
    state = {}
    for name, value in case.state.items():
        if name not in case.weights:
            state[name] = torch.from_numpy(arrays[name])
            continue
        data, indices, indptr, shape = (arrays[f"{name}.{part}"] for part in ("data", "indices", "indptr", "shape"))
        matrix = csr_matrix((data, indices, indptr), shape)
        matrix.check_format(full_check=True)
        if matrix.nnz != case.masks.get(name, np.ones(value.shape)).sum():
            case.fail(f"network.csr.npz keeps {matrix.nnz} entries of {name}")
        vector = np.random.default_rng(1).standard_normal(shape[1]).astype(np.float32)
        if not np.allclose(matrix @ vector, value.numpy().reshape(shape) @ vector, rtol=1e-5, atol=1e-6):
            case.fail(f"SciPy's product with {name} is another")
        state[name] = torch.from_numpy(matrix.toarray().reshape(arrays[f"{name}.dense_shape"]))
    case.check_state(state, "network.csr.npz")


def check_onnx(case):
    for name in ("dense.onnx", "sparse.onnx"):
        path = str(case.folder / name)
        model = onnx.load(path)
        # ONNX's own shape inference knows no operator that takes a sparse weight; ONNX Runtime makes them dense.
        onnx.checker.check_model(model, full_check=name == "dense.onnx")
        if {entry.key: entry.value for entry in model.metadata_props}.get("provenance") != "a test":
            case.fail(f"{name} does not say where it is from")
        for initializer in model.graph.initializer:
            value = case.state.get(initializer.name)
            if value is not None and not np.array_equal(onnx.numpy_helper.to_array(initializer), value.numpy()):
                case.fail(f"{name} has another {initializer.name}")
        sparse = {tensor.values.name for tensor in model.graph.sparse_initializer}
        smaller = {key for key, mask in case.masks.items() if 12 * mask.sum() < 4 * mask.size}
        if sparse != (smaller if name == "sparse.onnx" else set()):
            case.fail(f"{name} has the sparse initialisers {sorted(sparse)}")
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        case.check_outputs(session.run(["output"], {"input": case.inputs})[0], name)
        one_by_one = [session.run(None, {"input": case.inputs[i : i + 1]})[0] for i in range(len(case.inputs))]
        case.check_outputs(np.concatenate(one_by_one), f"{name}, input by input,")


def main():
    onnxruntime.set_default_logger_severity(3)
    folders = sorted(path.parent for path in Path(sys.argv[1]).glob("*/inputs.npy"))
    for folder in folders:
        case = Case(folder)
        case.check_zeros_and_density()
        for check in (check_safetensors, check_npz, check_csr, check_onnx):
            check(case)
    print(f"{len(folders)} networks agree in PyTorch, safetensors, NumPy, SciPy and ONNX Runtime")


main()
