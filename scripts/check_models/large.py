"""How long ntt takes to read a large ONNX file, and how much memory: `scripts/check_models.sh --large MB`."""

import itertools

import numpy as np
import onnx
from measure import run
from onnx import TensorProto, helper, numpy_helper
from table import print_table

LAYERS = 8
TIMES = 3  # that each is read; the fastest counts
FORMS = ["inline", "external"]
TYPES = {"float32": (np.float32, TensorProto.FLOAT), "float16": (np.float16, TensorProto.FLOAT16)}
# Gemm's weights are as ours, those of MatMul are transposed.
OPERATORS = {"Gemm": {"transB": 1}, "MatMul": {}}
HEADER = ["weights", "in the file", "operator", "MB", "s", "CPU s", "CPU s for the file", "memory MB",
          "MB for the file", "÷ file"]  # fmt: skip
TEXT_COLUMNS = 3


def write_model(path, megabytes, kind, form, operator):
    """A chain of square matrices of so many MB in all."""
    dtype, onnx_type = TYPES[kind]
    side = int((megabytes * 1e6 / LAYERS / np.dtype(dtype).itemsize) ** 0.5)
    random = np.random.default_rng(0)
    values = random.standard_normal((side, side), np.float32) / side**0.5
    names = ["x", *(f"hidden{i}" for i in range(1, LAYERS)), "y"]
    weights = []
    nodes = []
    for i in range(LAYERS):
        weights.append(numpy_helper.from_array(((i + 1) / LAYERS * values).astype(dtype), f"w{i}"))
        nodes.append(helper.make_node(operator, [names[i], f"w{i}"], [names[i + 1]], **OPERATORS[operator]))
    ends = [helper.make_tensor_value_info(name, onnx_type, ["batch", side]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "large", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    external = {"save_as_external_data": True, "location": f"{path.name}.data"} if form == "external" else {}
    onnx.save(model, path, **external)


def read(ntt, model):
    """The least of several times, and the largest peak."""
    runs = [run(ntt, "inspect", "--json", "--model", model) for _ in range(TIMES)]
    columns = list(zip(*runs))[1:]
    return [f(column) for f, column in zip((min, min, max), columns)]


def measure_large(folder, megabytes, ntt, markdown):
    seconds, start_busy, start_peak = read(ntt, "lenet-300-100")  # a built-in model: no file
    rows = [["no file", "", "", "", f"{seconds:.2f}", f"{start_busy:.2f}", "", f"{start_peak / 1e6:.0f}", "", ""]]
    for kind, form, operator in itertools.product(TYPES, FORMS, OPERATORS):
        own = folder / f"{kind}-{form}-{operator}"
        own.mkdir(parents=True)
        model = own / "model.onnx"
        write_model(model, megabytes, kind, form, operator)
        size = sum(file.stat().st_size for file in own.iterdir())
        seconds, busy, peak = read(ntt, model)
        more = peak - start_peak
        rows.append([kind, form, operator, f"{size / 1e6:.1f}", f"{seconds:.2f}", f"{busy:.2f}",
                     f"{busy - start_busy:.2f}", f"{peak / 1e6:.0f}", f"{more / 1e6:.0f}", f"{more / size:.2f}"])
        for file in own.iterdir():
            file.unlink()
    print_table(HEADER, rows, TEXT_COLUMNS, markdown)
