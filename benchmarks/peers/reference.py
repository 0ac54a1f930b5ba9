"""The step's weights, masks and batch, and in float64 the loss and derivatives that every peer must find.

The network's kernel is worked out layer by layer from the layers' own formulas: no automatic differentiation.
"""

import numpy as np

import problem as p

# A one-sided difference in float64 this small hardly ever crosses a kink of ReLU or max-pool, where the loss jumps.
DIFFERENCE = 1e-8
RESNET_DIFFERENCE = 1e-10  # many more kinks
GROUPS = 6  # of layers whose derivatives are compared, at most


class Problem:
    """Teacher weights, masks of a density and one batch, drawn from a fixed seed; every array is float32.

    weights, biases, masks: one array a parametric layer, [out, in] or [out, in, kh, kw] as PyTorch has them; a layer
    without bias has None there, and a norm's scale and shift are weight and bias, its mask all ones.
    inputs: [64, channels, height, width], of mean 0 and deviation 1 in every channel.
    directions: a list (weight, and bias if there is one) a layer, along which the gradient is compared.
    groups: indices of the layers that are compared together; each alone, unless there are many.
    The student starts from the teacher's weights, as in the published method.
    """

    def __init__(self, model, density=p.DENSITY):
        rng = np.random.default_rng(2020)
        self.model, self.layers = model, p.MODELS[model]
        self.weights, self.biases, self.masks, self.directions = [], [], [], []
        for layer in p.parametric(self.layers):
            if layer[0] == "norm":
                self.weights.append((1 + rng.standard_normal(layer[1]) * 1e-1).astype(np.float32))
                self.masks.append(np.ones(layer[1], np.float32))
                self.biases.append((rng.standard_normal(layer[1]) * 1e-1).astype(np.float32))
                self.directions.append([rng.standard_normal(layer[1]).astype(np.float32) for _ in range(2)])
                continue
            kernel = layer[3:4] * 2
            shape = (layer[2], layer[1], *kernel)
            fans = (layer[1] + layer[2]) * int(np.prod(kernel))
            weight = rng.standard_normal(shape) * np.sqrt(2 / fans)
            pruned = int((1 - density) * weight.size)
            threshold = np.sort(np.abs(weight), axis=None)[pruned - 1] if pruned else -1
            self.weights.append(weight.astype(np.float32))
            self.masks.append((np.abs(weight) > threshold).astype(np.float32))
            has_bias = layer[0] != "padded"
            self.biases.append((rng.standard_normal(layer[2]) * 1e-2).astype(np.float32) if has_bias else None)
            shapes = (shape, layer[2]) if has_bias else (shape,)
            self.directions.append([rng.standard_normal(n).astype(np.float32) for n in shapes])
        self.groups = np.array_split(np.arange(len(self.weights)), min(GROUPS, len(self.weights)))
        inputs = rng.standard_normal((p.BATCH, *p.INPUTS[model]))
        inputs -= inputs.mean((0, 2, 3), keepdims=True)
        self.inputs = (inputs / inputs.std((0, 2, 3), keepdims=True)).astype(np.float32)

    def probes(self, count):
        """Signs [64, count, classes], the sketch's output directions."""
        signs = np.random.default_rng(2021 + count).integers(0, 2, (p.BATCH, count, p.CLASSES))
        return (2 * signs - 1).astype(np.float32)


def references(problem):
    """What the first step must find: ({probes: {"loss", "derivatives"}}, student's kernel, teacher's kernel).

    derivatives: one a group of layers, of the loss along those layers' part of problem.directions. A resnet's kernels
    are the projected ones of its one sketch.
    """
    weights = [w.astype(np.float64) for w in problem.weights]
    biases = [None if b is None else b.astype(np.float64) for b in problem.biases]
    step = RESNET_DIFFERENCE if problem.model in p.RESNETS else DIFFERENCE
    teacher = _kernel_and_outputs(problem, weights, biases)
    kernels = p.KERNELS[problem.model]

    def student_and_losses(group=()):
        moved_weights, moved_biases = list(weights), list(biases)
        for layer in group:
            towards = problem.directions[layer]
            moved_weights[layer] = weights[layer] + step * towards[0]
            if biases[layer] is not None:
                moved_biases[layer] = biases[layer] + step * towards[1]
        masked = [w * m for w, m in zip(moved_weights, problem.masks)]
        student = _kernel_and_outputs(problem, masked, moved_biases)
        rest = np.mean((student[1] - teacher[1]) ** 2)
        rest += p.weight_decay(problem.model) * sum(np.sum(w**2) for w in masked if w.ndim > 1)
        distances = [_mean_square(problem, student[0] - teacher[0], k) for k in kernels]
        return student[0], np.array([p.KERNEL_WEIGHT * distance + rest for distance in distances])

    student_kernel, here = student_and_losses()
    moved = [student_and_losses(group)[1] for group in problem.groups]
    derivatives = (np.array(moved) - here).T / step
    found = {k: {"loss": float(a), "derivatives": d.tolist()} for k, a, d in zip(kernels, here, derivatives)}
    return found, student_kernel, teacher[0]


def _mean_square(problem, difference, probes):
    """The kernel distance; with probes, its estimate from the projections of a difference of kernels."""
    if probes == p.EXACT:
        return np.mean(difference**2)
    if problem.model not in p.RESNETS:
        difference = projected(problem, difference, probes)
    return np.mean(difference**2) / p.CLASSES**2


def projected(problem, kernel, probes):
    """A kernel [N/2, N/2, C, C] seen through the probes: [N/2, N/2, k, k]."""
    rows, columns = np.split(problem.probes(probes).astype(np.float64), 2)
    return np.einsum("iac,ijcd,jbd->ijab", rows, kernel, columns, optimize=True)


def _kernel_and_outputs(problem, weights, biases):
    """Empirical NTK between the two halves of the batch, [N/2, N/2, C, C], and the outputs, [N, C].

    A resnet's is [N/2, N/2, k, k], that of its outputs projected on the probes, since the whole one would take minutes.
    """
    tape, x = _record(problem.layers, iter(zip(weights, biases)), problem.inputs.astype(np.float64))
    if problem.model in p.RESNETS:
        delta = problem.probes(p.KERNELS[problem.model][0]).astype(np.float64)
    else:
        delta = np.broadcast_to(np.eye(p.CLASSES), (p.BATCH, p.CLASSES, p.CLASSES))
    return _sweep_back(tape, delta)[0], x


def _record(layers, parameters, x):
    """([(layer, weight, input)], output); of a residual layer, in the place of its weight, the tapes of its lists."""
    tape = []
    for layer in layers:
        if layer[0] == "residual":
            (body, outputs), (shortcut, others) = (_record(part, parameters, x) for part in layer[1:])
            tape.append((layer, (body, shortcut), x))
            x = outputs + others
        else:
            weight, bias = next(parameters) if isinstance(layer, tuple) else (None, None)
            before, x = x, _forward(layer, x, weight, bias)
            tape.append((layer, weight, before))
    return tape, x


def _sweep_back(tape, delta):
    """The kernel's part of these layers, and delta before the first of them."""
    kernel = 0.0
    for layer, weight, before in reversed(tape):
        if layer[0] == "residual":
            parts = [_sweep_back(part, delta) for part in weight]
            kernel = kernel + sum(share for share, _ in parts)
            delta = sum(pulled for _, pulled in parts)
            continue
        if isinstance(layer, tuple):
            kernel = kernel + _gram(layer, before, delta)
        delta = _pullback(layer, weight, before, delta)
    return kernel, delta


def _padding(layer):
    """(pixels on each side, stride) of a convolution."""
    return (layer[3] // 2, layer[4]) if layer[0] == "padded" else (0, 1)


def _patches(layer, x):
    """Every window of the convolution over [N, C, H, W] as [N, H'*W', C*size*size]."""
    size, (pad, stride) = layer[3], _padding(layer)
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    windows = windows.transpose(0, 2, 3, 1, 4, 5)
    return windows.reshape(len(x), windows.shape[1] * windows.shape[2], -1)


def _windows(x):
    """The 2x2 windows of [..., H, W] as [..., H/2, 2, W/2, 2]."""
    return x.reshape(*x.shape[:-2], x.shape[-2] // 2, 2, x.shape[-1] // 2, 2)


def _forward(layer, x, weight, bias):
    if layer == "relu":
        return np.maximum(x, 0)
    if layer == "pool":
        return _windows(x).max(axis=(-3, -1))
    if layer == "flatten":
        return x.reshape(len(x), -1)
    if layer == "mean":
        return x.mean((2, 3))
    if layer[0] == "linear":
        return x @ weight.T + bias
    if layer[0] == "norm":
        return x * weight[:, None, None] + bias[:, None, None]
    pad, stride = _padding(layer)
    rows = (x.shape[2] + 2 * pad - layer[3]) // stride + 1
    result = _patches(layer, x) @ weight.reshape(len(weight), -1).T
    if bias is not None:
        result += bias
    return result.transpose(0, 2, 1).reshape(len(x), len(weight), rows, -1)


def _pullback(layer, weight, before, delta):
    """delta [N, C, shape after the layer] to [N, C, shape before it]."""
    if layer == "relu":
        return delta * (before > 0)[:, None]
    if layer == "pool":
        # Filters without a kept weight are constant, so windows do tie: the first place wins, as in JAX and PyTorch.
        windows = np.moveaxis(_windows(before), -3, -2)
        flat = windows.reshape(*windows.shape[:-2], 4)
        first = np.eye(4)[flat.argmax(-1)].reshape(windows.shape)
        routed = delta[..., None, None] * first[:, None]
        return np.moveaxis(routed, -2, -3).reshape(*delta.shape[:2], *before.shape[1:])
    if layer == "flatten":
        return delta.reshape(*delta.shape[:2], *before.shape[1:])
    if layer == "mean":
        spread = delta[..., None, None] / np.prod(before.shape[2:])
        return np.broadcast_to(spread, (*delta.shape, *before.shape[2:]))
    if layer[0] == "linear":
        return delta @ weight
    if layer[0] == "norm":
        return delta * weight[:, None, None]
    pad, stride = _padding(layer)
    height, width = before.shape[2:]
    result = np.zeros((*delta.shape[:2], before.shape[1], height + 2 * pad, width + 2 * pad))
    rows, columns = delta.shape[-2:]
    for i in range(layer[3]):
        for j in range(layer[3]):
            part = weight[:, :, i, j].T @ delta.reshape(*delta.shape[:3], -1)
            places = (..., slice(i, i + stride * rows, stride), slice(j, j + stride * columns, stride))
            result[places] += part.reshape(*part.shape[:3], rows, columns)
    return result[..., pad : pad + height, pad : pad + width]


def _gram(layer, before, delta):
    """This layer's share of the kernel, weights and bias, [N/2, N/2, C, C]."""
    half = p.BATCH // 2
    if layer[0] == "linear":
        inner = before[:half] @ before[half:].T + 1
        return inner[:, :, None, None] * _products(delta)
    positions = delta.reshape(*delta.shape[:3], -1)
    if layer[0] == "norm":
        return _products((delta * before[:, None]).sum((-2, -1))) + _products(positions.sum(-1))
    kernel = _products(positions @ _patches(layer, before)[:, None])
    return kernel if layer[0] == "padded" else kernel + _products(positions.sum(-1))


def _products(jacobian):
    """Of the first half's rows with the second's: [N, D, ...] to [N/2, N/2, D, D]."""
    count, directions = jacobian.shape[:2]
    rows, columns = np.split(jacobian.reshape(count * directions, -1), 2)
    return (rows @ columns.T).reshape(count // 2, directions, count // 2, directions).transpose(0, 2, 1, 3)
