"""kernel() beside autograd."""

import neural_tangent_transfer as ntt
import numpy as np
import pytest
import torch
from conftest import QUICK


def jacobian(module, images):
    """[N, C, P] by autograd."""
    rows = []
    for image in torch.from_numpy(images).to(next(module.parameters()).dtype):
        outputs = module(image[None])[0]
        rows.append(
            torch.stack(
                [
                    torch.cat(
                        [g.flatten() for g in torch.autograd.grad(o, list(module.parameters()), retain_graph=True)]
                    )
                    for o in outputs
                ]
            )
        )
    return torch.stack(rows).numpy()


def test_is_the_product_of_jacobians(module, data):
    module.bn1.num_batches_tracked.fill_(1)  # its statistics are meant, then
    module.eval().double()
    first, second = jacobian(module, data.images[:5]), jacobian(module, data.images[5:8])
    expected = np.einsum("icp,jdp->ijcd", first, second)
    found = ntt.kernel(module, data.images[:5], data.images[5:8], dtype="float64", threads=1)
    assert found.shape == (5, 3, 4, 4) and found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)


def test_active_parameters_are_those_that_masks_keep(mlp, data):
    found = ntt.prune(mlp, data.images, method="magnitude", density=0.3, threads=1)
    found.apply_to(mlp)
    x = data.images[:4]
    every, active = ntt.kernel(found, x, threads=1), ntt.kernel(found, x, parameters="active", threads=1)
    assert np.trace(active[0, 0]) < np.trace(every[0, 0])
    np.testing.assert_array_equal(ntt.kernel(mlp, x, parameters="active", threads=1), active)


def test_one_side_and_kinds_of_arrays(mlp, data):
    x = data.images[:4]
    one = ntt.kernel(mlp, x, threads=1)
    np.testing.assert_allclose(one, ntt.kernel(mlp, x, x.copy(), threads=1), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(one, one.transpose(1, 0, 3, 2), rtol=1e-4, atol=1e-4)
    assert isinstance(ntt.kernel(mlp, torch.from_numpy(x)), torch.Tensor)
    np.testing.assert_allclose(one, ntt.kernel(mlp, x, block=1, threads=1), rtol=1e-4, atol=1e-4)


def test_sketch_with_all_probes_has_the_exact_kernels_size(mlp, data):
    exact = ntt.kernel(mlp, data.images[:4], threads=1)
    sketch = ntt.kernel(mlp, data.images[:4], kernel="sketch", probes=4, seed=3, threads=1)
    for i in range(4):
        assert np.linalg.norm(sketch[i, i]) == pytest.approx(4 * np.linalg.norm(exact[i, i]), rel=1e-3)
    assert ntt.kernel(mlp, data.images[:4], kernel="sketch", probes=2).shape == (4, 4, 2, 2)


def test_transfer_brings_the_kernel_nearer(mlp, data):
    found = ntt.transfer(mlp, data.images, density=0.1, **{**QUICK, "steps": 60, "mask_interval": 10})
    x = data.images[:16]
    teacher = ntt.kernel(found.teacher, x, threads=1)
    before = ntt.prune(mlp, data.images, method="magnitude", density=0.1, threads=1)
    distance = [np.square(ntt.kernel(net, x, threads=1) - teacher).mean() for net in (before, found)]
    assert distance[1] < distance[0]
