"""The step's weights, masks and batch, and in float64 the loss and derivatives that every peer must find.

The network's kernel is worked out layer by layer from the layers' own formulas: no automatic differentiation.
"""

import numpy as np

import problem as p

# A one-sided difference in float64 this small hardly ever crosses a kink of ReLU or max-pool, where the loss jumps.
DIFFERENCE = 1e-8


class Problem:
    """Teacher weights, masks of a density and one batch, drawn from a fixed seed; every array is float32.

    weights, biases, masks: one array a parametric layer, [out, in] or [out, in, kh, kw] as PyTorch has them.
    inputs: [64, channels, height, width], of mean 0 and deviation 1 in every channel.
    directions: a pair (weight, bias) a layer, along which the gradient is compared.
    The student starts from the teacher's weights, as in the published method.
    """

    def __init__(self, model, density=p.DENSITY):
        rng = np.random.default_rng(2020)
        self.model, self.layers = model, p.MODELS[model]
        self.weights, self.biases, self.masks, self.directions = [], [], [], []
        for layer in (layer for layer in self.layers if isinstance(layer, tuple)):
            kernel = layer[3:] * 2
            shape = (layer[2], layer[1], *kernel)
            fans = (layer[1] + layer[2]) * int(np.prod(kernel))
            weight = rng.standard_normal(shape) * np.sqrt(2 / fans)
            pruned = int((1 - density) * weight.size)
            threshold = np.sort(np.abs(weight), axis=None)[pruned - 1] if pruned else -1
            self.weights.append(weight.astype(np.float32))
            self.masks.append((np.abs(weight) > threshold).astype(np.float32))
            self.biases.append((rng.standard_normal(layer[2]) * 1e-2).astype(np.float32))
            self.directions.append([rng.standard_normal(n).astype(np.float32) for n in (shape, layer[2])])
        inputs = rng.standard_normal((p.BATCH, *p.INPUTS[model]))
        inputs -= inputs.mean((0, 2, 3), keepdims=True)
        self.inputs = (inputs / inputs.std((0, 2, 3), keepdims=True)).astype(np.float32)

    def probes(self, count):
        """Signs [64, count, classes], the sketch's output directions."""
        signs = np.random.default_rng(2021 + count).integers(0, 2, (p.BATCH, count, p.CLASSES))
        return (2 * signs - 1).astype(np.float32)


def references(problem):
    """What the first step must find: ({probes: {"loss", "derivatives"}}, student's kernel, teacher's kernel).

    derivatives: one a layer, of the loss along that layer's part of problem.directions.
    """
    weights = [w.astype(np.float64) for w in problem.weights]
    biases = [b.astype(np.float64) for b in problem.biases]
    teacher = _kernel_and_outputs(problem, weights, biases)
    kernels = p.KERNELS[problem.model]

    def student_and_losses(layer=None):
        moved_weights, moved_biases = list(weights), list(biases)
        if layer is not None:
            towards = problem.directions[layer]
            moved_weights[layer] = weights[layer] + DIFFERENCE * towards[0]
            moved_biases[layer] = biases[layer] + DIFFERENCE * towards[1]
        masked = [w * m for w, m in zip(moved_weights, problem.masks)]
        student = _kernel_and_outputs(problem, masked, moved_biases)
        rest = np.mean((student[1] - teacher[1]) ** 2)
        rest += p.weight_decay(problem.model) * sum(np.sum(w**2) for w in masked)
        distances = [_mean_square(problem, student[0] - teacher[0], k) for k in kernels]
        return student[0], np.array([p.KERNEL_WEIGHT * distance + rest for distance in distances])

    student_kernel, here = student_and_losses()
    moved = [student_and_losses(layer)[1] for layer in range(len(weights))]
    derivatives = (np.array(moved) - here).T / DIFFERENCE
    found = {k: {"loss": float(a), "derivatives": d.tolist()} for k, a, d in zip(kernels, here, derivatives)}
    return found, student_kernel, teacher[0]


def _mean_square(problem, difference, probes):
    """The kernel distance; with probes, its estimate from the projections of a difference of kernels."""
    if probes == p.EXACT:
        return np.mean(difference**2)
    rows, columns = np.split(problem.probes(probes).astype(np.float64), 2)
    return np.mean(np.einsum("iac,ijcd,jbd->ijab", rows, difference, columns, optimize=True) ** 2) / p.CLASSES**2


def _kernel_and_outputs(problem, weights, biases):
    """Empirical NTK between the two halves of the batch, [N/2, N/2, C, C], and the outputs, [N, C]."""
    parameters = iter(zip(weights, biases))
    tape, x = [], problem.inputs.astype(np.float64)
    for layer in problem.layers:
        weight, bias = next(parameters) if isinstance(layer, tuple) else (None, None)
        before, x = x, _forward(layer, x, weight, bias)
        tape.append((layer, weight, before))
    delta = np.broadcast_to(np.eye(p.CLASSES), (p.BATCH, p.CLASSES, p.CLASSES))
    kernel = 0.0
    for index, (layer, weight, before) in reversed(list(enumerate(tape))):
        if isinstance(layer, tuple):
            kernel = kernel + _gram(layer, before, delta)
        if index:
            delta = _pullback(layer, weight, before, delta)
    return kernel, x


def _patches(x, size):
    """Every size-by-size window of [N, C, H, W] as [N, H'*W', C*size*size]."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3)).transpose(0, 2, 3, 1, 4, 5)
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
    if layer[0] == "linear":
        return x @ weight.T + bias
    rows = x.shape[2] - layer[3] + 1
    result = _patches(x, layer[3]) @ weight.reshape(len(weight), -1).T + bias
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
    if layer[0] == "linear":
        return delta @ weight
    result = np.zeros((*delta.shape[:2], *before.shape[1:]))
    rows, columns = delta.shape[-2:]
    for i in range(layer[3]):
        for j in range(layer[3]):
            part = weight[:, :, i, j].T @ delta.reshape(*delta.shape[:3], -1)
            result[..., i : i + rows, j : j + columns] += part.reshape(*part.shape[:3], rows, columns)
    return result


def _gram(layer, before, delta):
    """This layer's share of the kernel, weights and bias, [N/2, N/2, C, C]."""
    half = p.BATCH // 2
    if layer[0] == "linear":
        inner = before[:half] @ before[half:].T + 1
        rows, columns = delta[:half].reshape(half * p.CLASSES, -1), delta[half:].reshape(half * p.CLASSES, -1)
        outer = (rows @ columns.T).reshape(half, p.CLASSES, half, p.CLASSES).transpose(0, 2, 1, 3)
        return inner[:, :, None, None] * outer
    positions = delta.reshape(*delta.shape[:3], -1)
    jacobian = positions @ _patches(before, layer[3])[:, None]
    bias = positions.sum(-1)
    kernel = jacobian[:half].reshape(half * p.CLASSES, -1) @ jacobian[half:].reshape(half * p.CLASSES, -1).T
    kernel += bias[:half].reshape(half * p.CLASSES, -1) @ bias[half:].reshape(half * p.CLASSES, -1).T
    return kernel.reshape(half, p.CLASSES, half, p.CLASSES).transpose(0, 2, 1, 3)
