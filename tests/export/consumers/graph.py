"""What a network file's architecture computes, in PyTorch: docs/architecture.md promises its names and shapes."""

import torch
from torch.nn import functional as f

LAYERS_WITH_WEIGHTS = ("linear", "conv1d", "conv2d")
PARAMETERS = {
    **dict.fromkeys(LAYERS_WITH_WEIGHTS, ("weight", "bias")),
    "batch-norm": ("weight", "bias", "running_mean", "running_var"),
    "layer-norm": ("weight", "bias"),
    "parameter": ("value",),
}


def parameter_names(layer):
    """Full names by their ends; a text in place of a setting is that of another layer, with which it is shared."""
    ends = [end for end in PARAMETERS.get(layer["type"], ()) if layer.get(end) is not False]
    return {end: layer[end] if isinstance(layer.get(end), str) else f"{layer['name']}.{end}" for end in ends}


def all_parameters(architecture):
    return {name for layer in architecture["layer"] for name in parameter_names(layer).values()}


def prunable_weights(architecture):
    layers = [layer for layer in architecture["layer"] if layer["type"] in LAYERS_WITH_WEIGHTS]
    return {parameter_names(layer)["weight"] for layer in layers}


def with_batch(axis):
    return axis if axis < 0 else axis + 1


def sizes(layer, key, axes, otherwise):
    value = layer.get(key, otherwise)
    return value if isinstance(value, list) else [value] * axes


def padded(x, layer, axes, value=0.0):
    """All begins, then all ends, of the last axes; begins alone are those of both."""
    padding = sizes(layer, "padding", axes, 0)
    begins, ends = padding[:axes], padding[-axes:]
    return f.pad(x, [side for pair in reversed(list(zip(begins, ends))) for side in pair], value=value)


def convolution(layer, x, weight, bias=None):
    axes = x.dim() - 2
    stride, dilation = sizes(layer, "stride", axes, 1), sizes(layer, "dilation", axes, 1)
    convolve = f.conv1d if axes == 1 else f.conv2d
    return convolve(padded(x, layer, axes), weight, bias, stride, 0, dilation, layer.get("groups", 1))


def pool(layer, x):
    axes = x.dim() - 2
    kernel = sizes(layer, "kernel", axes, None)
    stride = sizes(layer, "stride", axes, kernel)
    if layer["type"] == "max-pool":
        return (f.max_pool1d if axes == 1 else f.max_pool2d)(padded(x, layer, axes, float("-inf")), kernel, stride)
    return (f.avg_pool1d if axes == 1 else f.avg_pool2d)(padded(x, layer, axes), kernel, stride)


def layer_norm(layer, x, weight, bias):
    return f.layer_norm(x, weight.shape, weight, bias, layer.get("epsilon", 1e-5))


def batch_norm(layer, x, weight, bias, running_mean, running_var):
    return f.batch_norm(x, running_mean, running_var, weight, bias, eps=layer.get("epsilon", 1e-5))


def part(layer, x):
    axis, start, step = with_batch(layer.get("axis", 0)), layer.get("start", 0), layer.get("step", 1)
    chosen = range(x.shape[axis])[start : layer.get("end") : step]
    return x.index_select(axis, torch.tensor(chosen))


def aligned(a, b):
    """Axes of 1 behind the batch, until both have as many."""
    axes = max(a.dim(), b.dim())
    return [x.reshape([x.shape[0]] + [1] * (axes - x.dim()) + list(x.shape[1:])) for x in (a, b)]


OPERATIONS = {
    "linear": lambda layer, x, weight, bias=None: f.linear(x, weight, bias),
    "conv1d": convolution,
    "conv2d": convolution,
    "batch-norm": batch_norm,
    "layer-norm": layer_norm,
    "tanh": lambda layer, x: torch.tanh(x),
    "gelu": lambda layer, x: f.gelu(x, approximate=layer.get("approximation", "none")),
    "leaky-relu": lambda layer, x: f.leaky_relu(x, layer.get("slope", 0.01)),
    "elu": lambda layer, x: f.elu(x, layer.get("alpha", 1.0)),
    "clip": lambda layer, x: torch.clamp(x, layer.get("min"), layer.get("max")),
    "hard-sigmoid": lambda layer, x: torch.clamp(layer.get("slope", 1 / 6) * x + layer.get("offset", 0.5), 0, 1),
    "softplus": lambda layer, x: f.softplus(x),
    "softmax": lambda layer, x: torch.softmax(x, with_batch(layer.get("axis", -1))),
    "affine": lambda layer, x: layer.get("factor", 1) * x + layer.get("offset", 0),
    "max-pool": pool,
    "average-pool": pool,
    "flatten": lambda layer, x: x.flatten(1),
    "reshape": lambda layer, x: x.reshape([x.shape[0], *layer["shape"]]),
    "transpose": lambda layer, x: x.permute([0] + [with_batch(axis) for axis in layer["axes"]]),
    "reduce-mean": lambda layer, x: x.mean([with_batch(axis) for axis in layer["axes"]], layer.get("keep_axes", False)),
    "reduce-sum": lambda layer, x: x.sum([with_batch(axis) for axis in layer["axes"]], layer.get("keep_axes", False)),
    "pad": lambda layer, x: padded(x, layer, x.dim() - 1, layer.get("value", 0.0)),
    "slice": part,
    "concat": lambda layer, *xs: torch.cat(xs, with_batch(layer.get("axis", 0))),
    "add": lambda layer, a, b: torch.add(*aligned(a, b)),
    "sub": lambda layer, a, b: torch.sub(*aligned(a, b)),
    "mul": lambda layer, a, b: torch.mul(*aligned(a, b)),
    "div": lambda layer, a, b: torch.div(*aligned(a, b)),
    "sub": lambda layer, a, b: torch.sub(*aligned(a, b)),
    "div": lambda layer, a, b: torch.div(*aligned(a, b)),
    "matmul": lambda layer, a, b: torch.matmul(*aligned(a, b)),
}


def operation(kind):
    """Activations without settings have PyTorch's names."""
    activation = getattr(f, kind.replace("-", ""), None)
    return OPERATIONS.get(kind) or (lambda layer, x: activation(x))


def outputs(architecture, state, inputs):
    """f(inputs) with the parameters in `state`."""
    values = {"input": inputs}
    before = inputs
    for layer in architecture["layer"]:
        own = {end: state[name] for end, name in parameter_names(layer).items()}
        if layer["type"] == "parameter":
            value = own["value"].expand([len(inputs), *own["value"].shape])
        else:
            arguments = [values[name] for name in layer["inputs"]] if "inputs" in layer else [before]
            value = operation(layer["type"])(layer, *arguments, **own)
        before = values[layer["name"]] = value
    return before
