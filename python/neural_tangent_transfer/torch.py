"""Masked PyTorch modules that compute with their kept weights only: forward, input gradient and weight gradient."""

import copy
from typing import Any, Dict, List, Optional, Tuple

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from ._native import SparseLayer, product_break_even

__all__ = ["SparseConv2d", "SparseLinear", "sparsify"]


class _Product(torch.autograd.Function):
    """y = W x + b by the kept weights' values, its two gradients likewise."""

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, values: torch.Tensor, bias: Optional[torch.Tensor], layer: SparseLayer,
                shape: Tuple[int, ...]) -> torch.Tensor:
        inputs = inputs.contiguous()
        values = values.contiguous()
        outputs = inputs.new_empty(shape)
        layer.forward(values.data_ptr(), inputs.data_ptr(), 0 if bias is None else bias.contiguous().data_ptr(),
                      outputs.data_ptr(), shape[0], inputs.dtype == torch.float64, torch.get_num_threads())
        ctx.save_for_backward(inputs, values)
        ctx.layer = layer
        ctx.has_bias = bias is not None
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, delta: torch.Tensor) -> Tuple[Optional[torch.Tensor], ...]:
        inputs, values = ctx.saved_tensors
        delta = delta.contiguous()
        by_inputs = torch.empty_like(inputs) if ctx.needs_input_grad[0] else None
        by_values = torch.empty_like(values)
        ctx.layer.backward(values.data_ptr(), inputs.data_ptr(), delta.data_ptr(),
                           0 if by_inputs is None else by_inputs.data_ptr(), by_values.data_ptr(), len(inputs),
                           inputs.dtype == torch.float64, torch.get_num_threads())
        by_bias = None
        if ctx.has_bias and ctx.needs_input_grad[2]:
            by_bias = delta.flatten(2).sum((0, 2)) if delta.dim() > 2 else delta.sum(0)
        return by_inputs, by_values, by_bias, None, None


class _Sparse(nn.Module):
    """What sparse modules share: a parameter `values` of the kept weights in the place of `weight`.

    The state is that of the masked module (`weight_orig`, `weight_mask`, `bias`; 0 where the mask prunes), so that
    either loads the other's.
    """

    def __init__(self, weight: torch.Tensor, mask: torch.Tensor, bias: Optional[torch.Tensor]) -> None:
        super().__init__()
        self.shape = tuple(weight.shape)
        kept = mask.detach().flatten().nonzero().squeeze(1)
        self.register_buffer("_kept", kept, persistent=False)
        self.values = nn.Parameter(weight.detach().flatten()[kept].clone(), requires_grad=weight.requires_grad)
        self.bias = bias
        self._layers: Dict[Tuple[int, int], SparseLayer] = {}

    @property
    def density(self) -> float:
        """Kept weights / all."""
        return self.values.numel() / max(1, self._entries())

    @property
    def weight_mask(self) -> torch.Tensor:
        """1 for each kept weight, 0 elsewhere: of the dense weight's shape."""
        return self._spread(torch.ones_like(self.values))

    @property
    def weight(self) -> torch.Tensor:
        """The dense weight, 0 where the mask prunes; gradients flow back to `values`."""
        return self._spread(self.values)

    def _entries(self) -> int:
        return int(torch.Size(self.shape).numel())

    def _spread(self, values: torch.Tensor) -> torch.Tensor:
        return values.new_zeros(self._entries()).index_put((self._kept,), values).view(self.shape)

    def _has_kernel(self, inputs: torch.Tensor) -> bool:
        return (
            inputs.device.type == "cpu"
            and inputs.dtype == self.values.dtype
            and inputs.dtype in (torch.float32, torch.float64)
            and not torch.is_autocast_enabled()
        )

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        weight, mask = self.weight, self.weight_mask
        destination[prefix + "weight_orig"] = weight if keep_vars else weight.detach()
        destination[prefix + "weight_mask"] = mask if keep_vars else mask.detach()
        if self.bias is not None:
            destination[prefix + "bias"] = self.bias if keep_vars else self.bias.detach()

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool,
                              missing_keys: List[str], unexpected_keys: List[str], error_msgs: List[str]) -> None:
        state = {key[len(prefix):]: value for key, value in state_dict.items() if key.startswith(prefix)}
        name = "weight_orig" if "weight_orig" in state else "weight"
        known = {name, "weight_mask"} | ({"bias"} if self.bias is not None else set())
        missing_keys.extend(prefix + key for key in known - {"weight_mask"} - set(state))
        if strict:
            unexpected_keys.extend(prefix + key for key in set(state) - known)
        if name not in state:
            return
        weight = state[name]
        if tuple(weight.shape) != self.shape:
            error_msgs.append(f"{prefix}{name} is of shape {tuple(weight.shape)}, but must be of {self.shape}")
            return
        mask = state.get("weight_mask", weight != 0)
        pruned = torch.ones(self._entries(), dtype=torch.bool).index_fill(0, self._kept.cpu(), False)
        if bool((mask.cpu().flatten() != 0)[pruned].any()):
            error_msgs.append(f"{prefix}{name} keeps weights that this module does not have: sparsify a model of its mask")
            return
        with torch.no_grad():
            self.values.copy_((weight * mask).flatten()[self._kept.to(weight.device)])
            if self.bias is not None and "bias" in state:
                self.bias.copy_(state["bias"])

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, "_layers": {}}


class SparseLinear(_Sparse):
    """`torch.nn.Linear` with a mask: y = x Wᵀ + b, inputs [..., in_features], by the kept weights only.

    On the CPU in float32 or float64; elsewhere it multiplies densely.
    """

    def __init__(self, weight: torch.Tensor, mask: torch.Tensor, bias: Optional[torch.Tensor] = None) -> None:
        super().__init__(weight, mask, bias)
        self.out_features, self.in_features = self.shape

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if not self._has_kernel(inputs):
            return nn.functional.linear(inputs, self.weight, self.bias)
        if inputs.shape[-1] != self.in_features:
            raise ValueError(f"inputs have {inputs.shape[-1]} features, but the layer takes {self.in_features}")
        if not self._layers:
            sides = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1]
            self._layers[1, 1] = SparseLayer(self.in_features, self.out_features, sides, 1, self._kept.numpy())
        rows = inputs.reshape(-1, self.in_features)
        shape = (len(rows), self.out_features)
        return _Product.apply(rows, self.values, self.bias, self._layers[1, 1], shape).view(
            *inputs.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        return (f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}, "
                f"density={self.density:.4g}")


class SparseConv2d(_Sparse):
    """`torch.nn.Conv2d` with a mask, with groups, stride, dilation and padding, by the kept weights only.

    On the CPU in float32 or float64; elsewhere it convolves densely. Inputs are [N, channels, height, width] or
    [channels, height, width].
    """

    def __init__(self, module: nn.Conv2d, weight: torch.Tensor, mask: torch.Tensor) -> None:
        super().__init__(weight, mask, module.bias)
        self.in_channels, self.out_channels = module.in_channels, module.out_channels
        self.kernel_size, self.stride, self.dilation = module.kernel_size, module.stride, module.dilation
        self.groups, self.padding_mode = module.groups, module.padding_mode
        # left, right, top, bottom, as torch.nn.functional.pad takes them
        self._sides = tuple(module._reversed_padding_repeated_twice)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        left, right, top, bottom = self._sides
        if self.padding_mode != "zeros" or not self._has_kernel(inputs):
            mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
            inputs = nn.functional.pad(inputs, self._sides, mode=mode)
            left = right = top = bottom = 0
        if not self._has_kernel(inputs):
            return nn.functional.conv2d(inputs, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)
        if inputs.dim() == 3:
            return self._multiply(inputs.unsqueeze(0), (top, left, bottom, right)).squeeze(0)
        return self._multiply(inputs, (top, left, bottom, right))

    def _multiply(self, inputs: torch.Tensor, padding: Tuple[int, ...]) -> torch.Tensor:
        if inputs.dim() != 4 or inputs.shape[1] != self.in_channels:
            raise ValueError(f"inputs are {list(inputs.shape)}, but the layer takes [N, {self.in_channels}, height, width]")
        height, width = inputs.shape[2:]
        for size, pads, kernel, step in zip((height, width), (padding[::2], padding[1::2]), self.kernel_size,
                                            self.dilation):
            if size + sum(pads) < step * (kernel - 1) + 1:
                raise ValueError(f"inputs of {height} x {width} are smaller than the layer's kernel")
        layer = self._layers.get((height, width))
        if layer is None:
            sides = [height, width, *self.kernel_size, *self.stride, *padding, *self.dilation]
            layer = SparseLayer(self.in_channels, self.out_channels, sides, self.groups, self._kept.numpy())
            self._layers[height, width] = layer
        shape = (len(inputs), self.out_channels, *layer.output_size)
        return _Product.apply(inputs, self.values, self.bias, layer, shape)

    def extra_repr(self) -> str:
        return (f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"groups={self.groups}, dilation={self.dilation}, bias={self.bias is not None}, "
                f"density={self.density:.4g}")


def _sparse_twin(module: nn.Module, max_density: Optional[float]) -> Optional[nn.Module]:
    """The sparse module that computes what a masked one does; None where the module stays."""
    mask = getattr(module, "weight_mask", None)
    if not isinstance(module, (nn.Linear, nn.Conv2d)) or mask is None:
        return None
    convolution = isinstance(module, nn.Conv2d)
    limit = product_break_even(convolution) if max_density is None else max_density
    if float(mask.count_nonzero()) > limit * mask.numel():
        return None
    weight = module.weight_orig
    twin = SparseConv2d(module, weight, mask) if convolution else SparseLinear(weight, mask, module.bias)
    return twin.train(module.training)


def sparsify(model: nn.Module, max_density: Optional[float] = None) -> nn.Module:
    """A copy of a model whose masked `Linear` and `Conv2d` modules compute with their kept weights only.

    Masks are those of `torch.nn.utils.prune`, as `SparseInitialisation.apply_to` sets them. Each such module becomes a
    `SparseLinear` or `SparseConv2d` with a parameter `values` of its kept weights, which any optimiser of PyTorch moves;
    outputs and gradients are those of the masked model up to rounding. `state_dict` has the masked model's keys, so that
    either model loads the other's.

    Args:
        model: left unchanged; biases and all other modules are copied.
        max_density: modules that keep a larger share of their weights stay as they are; by default the share up to
            which kept weights only are faster, as measured (0.2 for `Linear`, 0.3 for `Conv2d`).

    Raises:
        ValueError: the model has no masked `Linear` or `Conv2d`.
    """
    masked = [m for m in model.modules() if isinstance(m, (nn.Linear, nn.Conv2d)) and hasattr(m, "weight_mask")]
    if not masked:
        raise ValueError("the model has no masked Linear or Conv2d: mask it with SparseInitialisation.apply_to or "
                         "torch.nn.utils.prune first")
    memo: Dict[int, Any] = {}
    for module in masked:
        twin = _sparse_twin(module, max_density)
        if twin is not None:
            if twin.bias is not None:
                twin.bias = copy.deepcopy(module.bias, memo)
            memo[id(module)] = twin
    # A masked weight is made anew in every forward, has a history then, and cannot be copied.
    made = {module: module.__dict__.pop("weight") for module in masked}
    try:
        result = copy.deepcopy(model, memo)
    finally:
        for module, weight in made.items():
            module.weight = weight
    for module in result.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)) and hasattr(module, "weight_mask"):
            module.weight = module.weight_orig * module.weight_mask
    return result
