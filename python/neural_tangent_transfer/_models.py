"""What a model may be, and how it becomes a network of the library."""

import copy
import inspect
import io
import os
import threading
import warnings
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from . import _native
from ._listener import logger

if TYPE_CHECKING:
    import torch

    from ._networks import Network

ModelLike = Union["torch.nn.Module", str, "os.PathLike[str]"]
"""A module of PyTorch, the path of an .onnx or .toml file, or the name of a built-in model."""
NetworkLike = Union["Network", ModelLike]
"""A network that was found, trained or loaded, the path of its file or run folder, or a model."""

_OPSET = 17
_WRAPPED = "module"
# The exporter keeps its state in global variables.
_exporting = threading.Lock()


def is_module(model: Any) -> bool:
    """Whether it is a module of PyTorch, which is not imported for the question."""
    return any(
        base.__module__ == "torch.nn.modules.module" and base.__name__ == "Module" for base in type(model).__mro__
    )


def pruned_weights(module: "torch.nn.Module") -> List[Tuple[str, "torch.nn.Module", str]]:
    """(full name, module, name) of every parameter that torch.nn.utils.prune has put a mask on."""
    found = []
    for path, part in module.named_modules():
        for name, _ in part.named_parameters(recurse=False):
            original = name[: -len("_orig")]
            if name.endswith("_orig") and hasattr(part, original + "_mask"):
                found.append((f"{path}.{original}" if path else original, part, original))
    return found


def _plain_copy(module: "torch.nn.Module") -> "torch.nn.Module":
    """A copy on the CPU, in evaluation mode, whose masks of torch.nn.utils.prune have become zeros."""
    import torch
    from torch.nn.utils import prune

    # What a mask makes of a weight is no leaf of autograd's graph, which deepcopy refuses.
    computed = {
        id(value): value.detach().clone()
        for part in module.modules()
        for value in vars(part).values()
        if isinstance(value, torch.Tensor) and not value.is_leaf
    }
    plain = copy.deepcopy(module, computed)
    for _, part, name in pruned_weights(plain):
        prune.remove(part, name)
    return plain.cpu().float().eval()


def export(module: "torch.nn.Module", example: np.ndarray) -> bytes:
    """The module as ONNX, under the attribute "module" of another one: parameters keep their names and values."""
    import torch

    class Wrapper(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            setattr(self, _WRAPPED, _plain_copy(module))
            # The exporter takes equal parameters of a module in evaluation mode for one, such as the scales of all
            # batch norms before training. It looks at the outermost module only; the others stay in evaluation mode.
            self.training = True

        def forward(self, inputs: "torch.Tensor") -> "torch.Tensor":
            result: torch.Tensor = getattr(self, _WRAPPED)(inputs)
            return result

    options: Dict[str, Any] = {}
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False  # the newer exporter folds batch norm away
    file = io.BytesIO()
    with _exporting, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                Wrapper(),
                (torch.from_numpy(example),),
                file,
                input_names=["input"],
                output_names=["output"],
                dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
                training=torch.onnx.TrainingMode.PRESERVE,
                do_constant_folding=False,
                opset_version=_OPSET,
                **options,
            )
        except Exception as error:
            if "onnx is not installed" in str(error):
                raise ImportError(
                    "to read a module, this version of torch needs the package onnx: pip install onnx"
                ) from error
            raise ValueError(f"{type(module).__name__} cannot be exported to ONNX: {error}") from error
    return file.getvalue()


def _never_trained(module: "torch.nn.Module") -> bool:
    """Whether it has batch norm that has seen no batch, so that mean and variance say nothing yet."""
    counts = [buffer for name, buffer in module.named_buffers() if name.rpartition(".")[2] == "num_batches_tracked"]
    return bool(counts) and all(int(count) == 0 for count in counts)


class Source:
    """A model before it has the weights that a run starts from."""

    def __init__(self, model: Any, images: np.ndarray, classes: Optional[int]):
        self.is_module = is_module(model)
        self._fresh_statistics = False
        if self.is_module:
            name = type(model).__name__
            self.native = _native.Model.from_module(export(model, images[:2]), name)
            self._fresh_statistics = _never_trained(model)
        elif isinstance(model, (str, os.PathLike)):
            path = os.fspath(model)
            if path.endswith((".onnx", ".toml")):
                self.native = _native.Model.published(path)
            else:
                if classes is None:
                    raise ValueError(f"model '{path}' fits itself to the number of classes; say how many: classes=10")
                self.native = _native.Model.find(path, list(images.shape[1:]), classes)
        else:
            raise TypeError(
                "a model must be a torch.nn.Module, the path of an .onnx or .toml file, or the name of a built-in "
                f"model, not {type(model).__name__}"
            )
        for warning in self.native.warnings:
            logger.warning(warning)

    def dense(
        self,
        images: np.ndarray,
        weights: Optional[str],
        initialisation: Optional[str],
        keep: Union[str, Sequence[str]],
        seed: int,
        threads: int,
        device: str = "cpu",
    ) -> _native.Network:
        """The dense network. `weights` None: those that a module has, else drawn."""
        options = _native.WeightOptions()
        options.weights = weights if weights is not None else "given" if self.is_module else "random"
        options.initialisation = initialisation
        layers = [keep] if isinstance(keep, str) else list(keep)
        calibrate = options.weights == "given" and self._fresh_statistics
        return self.native.dense(options, layers, calibrate, images, seed, threads, device)
