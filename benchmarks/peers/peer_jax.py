"""The step in JAX with neural-tangents: jitted whole, buffers donated, one of its NTK implementations a variant."""

import worker

if __name__ == "__main__":
    OPTIONS = worker.start()

import jax
import jax.interpreters.ad
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax._src import source_info_util

import problem as p
import reference

# neural-tangents 0.6.5 reads these two through a module that later JAX releases no longer export them from.
jax.interpreters.ad.source_info_util = source_info_util
jax.interpreters.ad.config = jax.config

import neural_tangents as nt

IMPLEMENTATIONS = {
    "jacobian contraction": nt.NtkImplementation.JACOBIAN_CONTRACTION,
    "NTK-vector products": nt.NtkImplementation.NTK_VECTOR_PRODUCTS,
    "structured derivatives": nt.NtkImplementation.STRUCTURED_DERIVATIVES,
    "auto": nt.NtkImplementation.AUTO,
}


def forward(layers, parameters, x):
    """Outputs [N, C]; images are NHWC and convolution weights HWIO, the layout XLA favours on a CPU."""
    rest = iter(parameters)
    for layer in layers:
        if layer == "relu":
            x = jax.nn.relu(x)
        elif layer == "pool":
            x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        elif layer == "flatten":
            x = x.reshape(x.shape[0], -1)
        elif layer[0] == "linear":
            weight, bias = next(rest)
            x = x @ weight + bias
        else:
            weight, bias = next(rest)
            x = lax.conv_general_dilated(x, weight, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")) + bias
    return x


def to_jax_layout(arrays):
    """PyTorch's weight shapes to [in, out] and [kh, kw, in, out]; the first linear layer after a flatten reorders."""
    converted, channels = [], None
    for array in arrays:
        if array.ndim == 4:
            channels = array.shape[0]
            converted.append(array.transpose(2, 3, 1, 0))
        elif channels:
            side = int(np.sqrt(array.shape[1] // channels))
            square = array.reshape(-1, channels, side, side).transpose(2, 3, 1, 0)
            converted.append(square.reshape(-1, array.shape[0]))
            channels = None
        else:
            converted.append(array.T)
    return converted


def make_loss(model, implementation, vmap_axes):
    """The published loss of (student, teacher, masks, x, probes); with probes [N, k, C], its sketched estimate."""
    layers, half = p.MODELS[model], p.BATCH // 2
    apply = lambda parameters, x: forward(layers, parameters, x)
    projected = lambda parameters, pair: jnp.einsum("nkc,nc->nk", pair[1], apply(parameters, pair[0]))
    options = {"trace_axes": (), "implementation": implementation}

    def kernels(student, teacher, x, probes):
        if probes is None:
            of = nt.empirical_ntk_fn(apply, vmap_axes=vmap_axes, **options)
            sides = (x[:half], x[half:])
        else:
            # A sketch is the exact kernel of the outputs' projections on each input's own probes.
            axes = None if vmap_axes is None else ((0, 0), 0, {})
            of = nt.empirical_ntk_fn(projected, vmap_axes=axes, **options)
            sides = ((x[:half], probes[:half]), (x[half:], probes[half:]))
        return of(*sides, student), of(*sides, teacher)

    def loss(student, teacher, masks, x, probes):
        masked = [(w * m, b) for (w, b), m in zip(student, masks)]
        of_student, of_teacher = kernels(masked, teacher, x, probes)
        scale = p.KERNEL_WEIGHT if probes is None else p.KERNEL_WEIGHT / p.CLASSES**2
        target = apply(masked, x) - apply(teacher, x)
        decay = sum(jnp.sum(w**2) for w, _ in masked)
        return (
            scale * jnp.mean((of_student - of_teacher) ** 2) + jnp.mean(target**2) + p.weight_decay(model) * decay
        )

    return loss, kernels


def make_step(problem, probes, implementation, vmap_axes):
    """One optimisation step as a function without arguments that returns the loss, and its gradients (see worker)."""
    loss, kernels = make_loss(problem.model, implementation, vmap_axes)

    def update(state, *batch):
        count, student, first, second = state
        value, gradient = jax.value_and_grad(loss)(student, *batch)
        count = count + 1
        first = jax.tree_util.tree_map(lambda m, g: p.BETA1 * m + (1 - p.BETA1) * g, first, gradient)
        second = jax.tree_util.tree_map(lambda v, g: p.BETA2 * v + (1 - p.BETA2) * g * g, second, gradient)
        scale1, scale2 = 1 - p.BETA1**count, 1 - p.BETA2**count
        student = jax.tree_util.tree_map(
            lambda w, m, v: w - p.LEARNING_RATE * (m / scale1) / (jnp.sqrt(v / scale2) + p.EPSILON),
            student,
            first,
            second,
        )
        return (count, student, first, second), value

    weights = [jnp.array(w) for w in to_jax_layout(problem.weights)]
    masks = [jnp.array(m) for m in to_jax_layout(problem.masks)]
    teacher = [(w, jnp.array(b)) for w, b in zip(weights, problem.biases)]
    x = jnp.array(problem.inputs.transpose(0, 2, 3, 1))
    directions = None if probes == p.EXACT else jnp.array(problem.probes(probes))
    zeros = lambda: jax.tree_util.tree_map(jnp.zeros_like, teacher)
    state = (jnp.array(0.0), jax.tree_util.tree_map(jnp.copy, teacher), zeros(), zeros())
    if implementation == nt.NtkImplementation.AUTO:
        # It picks by counting operations of compiled kernels and remembers the choice: keep that out of the trace.
        kernels(teacher, teacher, x, directions)
    compiled = jax.jit(update, donate_argnums=0)

    def step():
        nonlocal state
        state, value = jax.block_until_ready(compiled(state, teacher, masks, x, directions))
        return value

    def gradients():
        towards = zip(to_jax_layout([w for w, _ in problem.directions]), (b for _, b in problem.directions))
        for moments, direction in zip(state[2], towards):
            # After one step Adam's first moment is (1 - β1) times the gradient.
            layer = [np.asarray(m, np.float64) / (1 - p.BETA1) for m in moments]
            yield sum(np.sum(g * d) for g, d in zip(layer, direction)), np.sqrt(sum(np.sum(g**2) for g in layer))

    return step, gradients


def main():
    name, _, batching = OPTIONS.variant.partition(", ")
    vmap_axes = None if batching == "batch" else 0
    step, gradients = make_step(
        reference.Problem(OPTIONS.model), OPTIONS.probes, IMPLEMENTATIONS[name], vmap_axes
    )
    worker.measure(OPTIONS, step, gradients, {"jax": jax.__version__, "neural-tangents": nt.__version__})


if __name__ == "__main__":
    main()
