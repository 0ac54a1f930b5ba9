"""The step in PyTorch: the kernel through torch.func as PyTorch's own NTK tutorial writes it, autograd through it."""

import worker

if __name__ == "__main__":
    OPTIONS = worker.start()

import torch
import torch.nn.functional as F
from torch.func import jacrev, jvp, vjp, vmap

import problem as p
import reference


def forward(layers, parameters, x):
    """Outputs [N, C]."""
    return run(layers, iter(parameters), x)


def run(layers, rest, x):
    for layer in layers:
        if layer == "relu":
            x = F.relu(x)
        elif layer == "pool":
            x = F.max_pool2d(x, 2)
        elif layer == "flatten":
            x = x.flatten(1)
        elif layer == "mean":
            x = x.mean((2, 3))
        elif layer[0] == "residual":
            body = run(layer[1], rest, x)
            x = body + run(layer[2], rest, x)
        elif layer[0] == "linear":
            x = F.linear(x, *next(rest))
        elif layer[0] == "norm":
            scale, shift = next(rest)
            x = x * scale[:, None, None] + shift[:, None, None]
        elif layer[0] == "padded":
            x = F.conv2d(x, *next(rest), stride=layer[4], padding=layer[3] // 2)
        else:
            x = F.conv2d(x, *next(rest))
    return x


def jacobian_contraction(single, parameters, side1, side2):
    """Both Jacobians whole, contracted over the parameters: [N1, N2, C, C]."""
    rows, columns = (vmap(jacrev(single), (None, 0))(parameters, side) for side in (side1, side2))
    leaves = lambda tree: [leaf.flatten(2) for layer in tree for leaf in layer]
    return sum(torch.einsum("Naf,Mbf->NMab", a, b) for a, b in zip(leaves(rows), leaves(columns)))


def vector_products(single, parameters, side1, side2):
    """The kernel's products with the basis of the outputs, a vjp then a jvp for every pair: [N1, N2, C, C]."""

    def pair(a, b):
        output, pullback = vjp(lambda parameters: single(parameters, b), parameters)

        def product(vector):
            _, result = jvp(lambda parameters: single(parameters, a), (parameters,), pullback(vector))
            return result

        return vmap(product, out_dims=1)(torch.eye(output.shape[-1]))

    return vmap(vmap(pair, (None, 0)), (0, None))(side1, side2)


KERNELS = {"jacobian contraction": jacobian_contraction, "NTK-vector products": vector_products}


def make_step(problem, probes, kernel):
    """One optimisation step as a function without arguments that returns the loss, and its gradients (see worker)."""
    tensors = lambda arrays: [torch.from_numpy(array.copy()) for array in arrays if array is not None]
    layers, masks, x = problem.layers, tensors(problem.masks), torch.from_numpy(problem.inputs)
    teacher = [tuple(tensors(pair)) for pair in zip(problem.weights, problem.biases)]
    student = [tuple(leaf.clone().requires_grad_() for leaf in layer) for layer in teacher]
    optimizer = torch.optim.Adam(
        [leaf for layer in student for leaf in layer],
        lr=p.LEARNING_RATE,
        betas=(p.BETA1, p.BETA2),
        eps=p.EPSILON,
        fused=True,
    )
    outputs = lambda parameters, image: forward(layers, parameters, image.unsqueeze(0)).squeeze(0)
    if probes == p.EXACT:
        single, scale, sides = outputs, p.KERNEL_WEIGHT, x.chunk(2)
    else:
        # A sketch is the exact kernel of the outputs' projections on each input's own probes.
        single = lambda parameters, side: side[1] @ outputs(parameters, side[0])
        scale = p.KERNEL_WEIGHT / p.CLASSES**2
        sides = list(zip(x.chunk(2), torch.from_numpy(problem.probes(probes)).chunk(2)))

    def step():
        masked = [(w * m, *bias) for (w, *bias), m in zip(student, masks)]
        with torch.no_grad():
            teacher_kernel, teacher_outputs = kernel(single, teacher, *sides), forward(layers, teacher, x)
        difference = kernel(single, masked, *sides) - teacher_kernel
        decay = sum(w.square().sum() for w, *_ in masked if w.ndim > 1)
        loss = scale * difference.square().mean() + p.weight_decay(problem.model) * decay
        loss = loss + (forward(layers, masked, x) - teacher_outputs).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    def gradients():
        for group in problem.groups:
            # After one step Adam's first moment is (1 - β1) times the gradient.
            leaves = [leaf for layer in group for leaf in student[layer]]
            found = [optimizer.state[leaf]["exp_avg"].double() / (1 - p.BETA1) for leaf in leaves]
            directions = [direction for layer in group for direction in problem.directions[layer]]
            along = sum((g * torch.from_numpy(d)).sum() for g, d in zip(found, directions, strict=True))
            yield along, sum(g.square().sum() for g in found).sqrt()

    return step, gradients


def main():
    torch.set_num_threads(OPTIONS.threads)
    problem = reference.Problem(OPTIONS.model)
    step, gradients = make_step(problem, OPTIONS.probes, KERNELS[OPTIONS.variant])
    worker.measure(OPTIONS, step, gradients, {"torch": torch.__version__})


if __name__ == "__main__":
    main()
