"""Modules of kept weights only, against the masked modules that they stand for."""

import copy
import io
import multiprocessing
import pickle

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402

import neural_tangent_transfer.torch as sparse  # noqa: E402


def masked(module, density, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mask = (torch.rand(module.weight.shape, generator=generator) < density).to(module.weight.dtype)
    return prune.custom_from_mask(module, "weight", mask)


def draw(*shape, dtype=torch.float32, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def gradients(module, inputs, cotangent):
    """Outputs, gradient by the inputs, gradient by the weights, 0 where pruned, and by the bias."""
    inputs = inputs.clone().requires_grad_()
    module.zero_grad()
    outputs = module(inputs)
    outputs.backward(cotangent)
    if hasattr(module, "values"):
        weight = module._spread(module.values.grad)
    else:
        weight = module.weight_orig.grad
    return outputs.detach(), inputs.grad, weight, None if module.bias is None else module.bias.grad


def expect_equal_to_masked(module, inputs, bound):
    twin = sparse.sparsify(module, max_density=1.0)
    assert type(twin) is not type(module)
    cotangent = draw(*module(inputs).shape, dtype=inputs.dtype, seed=2)
    for ours, theirs in zip(gradients(twin, inputs, cotangent), gradients(module, inputs, cotangent)):
        if theirs is not None:
            assert ours.shape == theirs.shape
            scale = max(1.0, float(theirs.abs().max())) if theirs.numel() else 1.0
            assert float((ours - theirs).abs().max() if theirs.numel() else 0) <= bound * scale


CONVOLUTIONS = [
    dict(kernel_size=3, padding=1),
    dict(kernel_size=3, stride=2, padding=1),
    dict(kernel_size=1, stride=2, bias=False),
    dict(kernel_size=(3, 5), stride=(2, 1), padding=(0, 2)),
    dict(kernel_size=3, padding=2, dilation=2, groups=2),
    dict(kernel_size=3, padding=1, groups=4),
    dict(kernel_size=7, stride=2, padding=3),
    dict(kernel_size=4, padding="same"),
    dict(kernel_size=3, padding=1, padding_mode="circular"),
]


@pytest.mark.parametrize("density", [0.0, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
def test_convolutions_equal_masked_ones(options, density):
    torch.manual_seed(0)
    for dtype, bound in ((torch.float32, 2e-5), (torch.float64, 1e-13)):
        module = masked(nn.Conv2d(4, 8, **options).to(dtype), density)
        expect_equal_to_masked(module, draw(5, 4, 14, 11, dtype=dtype), bound)


@pytest.mark.parametrize("shape", [(17, 30), (1, 30), (64, 30), (3, 5, 30), (30,)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_layers_equal_masked_ones(shape, bias):
    torch.manual_seed(0)
    for dtype, bound in ((torch.float32, 2e-5), (torch.float64, 1e-13)):
        module = masked(nn.Linear(30, 12, bias=bias).to(dtype), 0.1)
        expect_equal_to_masked(module, draw(*shape, dtype=dtype), bound)


def test_gradients_pass_gradcheck():
    functional_call = getattr(getattr(torch, "func", None), "functional_call", None)
    if functional_call is None:  # before torch 2.0
        from torch.nn.utils.stateless import functional_call
    torch.manual_seed(0)
    for module, shape in ((nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2), (2, 2, 5, 6)), (nn.Linear(6, 3), (4, 6))):
        twin = sparse.sparsify(masked(module.double(), 0.4), max_density=1.0)
        inputs = draw(*shape, dtype=torch.float64).requires_grad_()
        assert torch.autograd.gradcheck(
            lambda x, values, bias: functional_call(twin, {"values": values, "bias": bias}, (x,)),
            (inputs, twin.values.detach().requires_grad_(), twin.bias.detach().requires_grad_()))


def small_network():
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 4 * 4, 5))
    for index, module in enumerate(model):
        if hasattr(module, "weight") and not isinstance(module, nn.BatchNorm2d):
            masked(module, 0.15, index)
    return model


@pytest.mark.parametrize("optimiser", [
    lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    lambda p: torch.optim.Adam(p, lr=3e-3),
    lambda p: torch.optim.RMSprop(p, lr=1e-3),
], ids=["sgd", "adam", "rmsprop"])
def test_training_follows_the_masked_model(optimiser):
    model = small_network()
    fast = sparse.sparsify(model)
    x, labels = draw(32, 3, 8, 8), torch.arange(32) % 5
    first = float(nn.functional.cross_entropy(model(x), labels))
    losses = []
    for network in (model, fast):
        steps = optimiser([p for p in network.parameters() if p.requires_grad])
        for _ in range(20):
            steps.zero_grad()
            loss = nn.functional.cross_entropy(network(x), labels)
            loss.backward()
            steps.step()
        losses.append(float(loss))
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert losses[0] < first - 0.03


def test_sparsify_leaves_the_model_unchanged_and_says_so_where_nothing_is_masked():
    model = small_network()
    before = copy.deepcopy({key: value.clone() for key, value in model.state_dict().items()})
    model(draw(2, 3, 8, 8))  # gives masked weights a history
    fast = sparse.sparsify(model)
    with torch.no_grad():
        for parameter in fast.parameters():
            parameter.add_(1)
    for key, value in model.state_dict().items():
        if "running" not in key and "num_batches" not in key:
            assert torch.equal(value, before[key]), key
    assert isinstance(fast[0], sparse.SparseConv2d) and isinstance(fast[6], sparse.SparseLinear)
    assert "density=0." in repr(fast)
    with pytest.raises(ValueError, match="no masked Linear or Conv2d"):
        sparse.sparsify(nn.Linear(3, 3))


def test_modules_denser_than_asked_for_stay_masked():
    model = small_network()
    model(draw(2, 3, 8, 8))
    x, copied = draw(4, 3, 8, 8), sparse.sparsify(model, max_density=0.01)
    assert isinstance(copied[0], nn.Conv2d) and copied[0] is not model[0]
    assert torch.equal(copied.eval()(x), model.eval()(x))


def test_shared_modules_stay_shared():
    layer = masked(nn.Linear(6, 6), 0.1)
    fast = sparse.sparsify(nn.Sequential(layer, nn.ReLU(), layer))
    assert fast[0] is fast[2]


def test_state_is_the_masked_models():
    model, x = small_network().eval(), draw(4, 3, 8, 8)
    fast = sparse.sparsify(model)
    assert list(fast.state_dict()) and set(fast.state_dict()) == set(model.state_dict())
    with torch.no_grad():
        for parameter in fast.parameters():
            parameter.mul_(1.5)
    model.load_state_dict(fast.state_dict())
    assert torch.allclose(model(x), fast(x), atol=1e-5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.5)
    fast.load_state_dict(model.state_dict())
    assert torch.allclose(model(x), fast(x), atol=1e-5)


def test_state_of_another_mask_is_refused():
    fast = sparse.sparsify(small_network())
    other = small_network()
    other[6].weight_mask.fill_(1)
    with pytest.raises(RuntimeError, match="sparsify a model of its mask"):
        fast.load_state_dict(other.state_dict())
    with pytest.raises(RuntimeError, match="Missing key"):
        fast.load_state_dict({})


def test_modules_can_be_copied_pickled_and_saved():
    fast, x = sparse.sparsify(small_network()).eval(), draw(4, 3, 8, 8)
    expected = fast(x)
    assert torch.equal(copy.deepcopy(fast)(x), expected)
    assert torch.equal(pickle.loads(pickle.dumps(fast))(x), expected)
    stream = io.BytesIO()
    torch.save(fast.state_dict(), stream)
    stream.seek(0)
    again = sparse.sparsify(small_network()).eval()
    again.load_state_dict(torch.load(stream))
    assert torch.equal(again(x), expected)


def test_inputs_of_the_wrong_shape_are_refused():
    layer = sparse.sparsify(masked(nn.Conv2d(4, 8, 3), 0.1))
    with pytest.raises(ValueError, match=r"\[N, 4, height, width\]"):
        layer(draw(2, 3, 8, 8))
    with pytest.raises(ValueError, match="smaller than the layer's kernel"):
        layer(draw(2, 4, 2, 8))
    with pytest.raises(ValueError, match="takes 6"):
        sparse.sparsify(masked(nn.Linear(6, 2), 0.1))(draw(2, 5))


def test_other_types_multiply_densely():
    layer = masked(nn.Conv2d(4, 8, 3).to(torch.bfloat16), 0.1)
    x = draw(2, 4, 6, 6).to(torch.bfloat16)
    assert torch.allclose(sparse.sparsify(layer)(x), layer(x), atol=1e-2)


def forward_in_a_worker(index):
    torch.set_num_threads(1)  # as a DataLoader's workers do
    return sparse_model(draw(3, 3, 8, 8))


def test_forked_workers_run_it():
    """After this process has used OpenMP, whose threads are not there in the child."""
    global sparse_model
    sparse_model = sparse.sparsify(small_network()).eval().requires_grad_(False)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        expected = sparse_model(draw(3, 3, 8, 8))
        with multiprocessing.get_context("fork").Pool(1) as pool:
            found = pool.apply_async(forward_in_a_worker, (0,)).get(timeout=60)
        assert torch.allclose(found, expected, atol=1e-6)
    finally:
        torch.set_num_threads(threads)
