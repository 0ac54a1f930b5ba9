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
    rest = iter(parameters)
    for layer in layers:
        if layer == "relu":
            x = F.relu(x)
        elif layer == "pool":
            x = F.max_pool2d(x, 2)
        elif layer == "flatten":
            x = x.flatten(1)
        elif layer[0] == "linear":
            x = F.linear(x, *next(rest))
        else:
            x = F.conv2d(x, *next(rest))
    return x


def jacobian_contraction(single, parameters, side1, side2):
    """Both Jacobians whole, contracted over the parameters: [N1, N2, C, C]."""
    rows, columns = (vmap(jacrev(single), (None, 0))(parameters, side) for side in (side1, side2))
    leaves = lambda tree: [leaf.flatten(2) for pair in tree for leaf in pair]
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
    tensors = lambda arrays: [torch.from_numpy(array.copy()) for array in arrays]
    layers, masks, x = problem.layers, tensors(problem.masks), torch.from_numpy(problem.inputs)
    teacher = list(zip(tensors(problem.weights), tensors(problem.biases)))
    student = [(w.clone().requires_grad_(), b.clone().requires_grad_()) for w, b in teacher]
    optimizer = torch.optim.Adam(
        [leaf for pair in student for leaf in pair],
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
        masked = [(w * m, b) for (w, b), m in zip(student, masks)]
        with torch.no_grad():
            teacher_kernel, teacher_outputs = kernel(single, teacher, *sides), forward(layers, teacher, x)
        difference = kernel(single, masked, *sides) - teacher_kernel
        decay = sum(w.square().sum() for w, _ in masked)
        loss = scale * difference.square().mean() + p.weight_decay(problem.model) * decay
        loss = loss + (forward(layers, masked, x) - teacher_outputs).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    def gradients():
        for leaves, direction in zip(student, problem.directions):
            # After one step Adam's first moment is (1 - β1) times the gradient.
            layer = [optimizer.state[leaf]["exp_avg"].double() / (1 - p.BETA1) for leaf in leaves]
            along = sum((g * torch.from_numpy(d)).sum() for g, d in zip(layer, direction))
            yield along, sum(g.square().sum() for g in layer).sqrt()

    return step, gradients


def main():
    torch.set_num_threads(OPTIONS.threads)
    problem = reference.Problem(OPTIONS.model)
    step, gradients = make_step(problem, OPTIONS.probes, KERNELS[OPTIONS.variant])
    worker.measure(OPTIONS, step, gradients, {"torch": torch.__version__})


if __name__ == "__main__":
    main()
