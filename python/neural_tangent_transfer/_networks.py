"""Networks as they are found, trained and loaded."""

import html
import json
import os
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple, TypeVar, Union

import numpy as np

from . import _native
from ._data import Data, Images, is_tensor
from ._listener import logger
from ._models import Source, is_module, pruned_weights

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes

    Module = TypeVar("Module", bound=torch.nn.Module)

_TRAINED = ("weight", "bias", "scale", "shift")


class Network:
    """A network with weights and masks, which runs inference: `outputs = network(images)`."""

    def __init__(
        self, native: _native.Network, metadata: Dict[str, str], normalisation: Optional[_native.Normalisation]
    ):
        self._native = native
        self._predictors: Dict[str, _native.Predictor] = {}
        self.metadata = metadata
        """What the network's file says of it: model, method, how it came about."""
        self.normalisation = normalisation
        """`mean` and `standard_deviation` per channel, by which uint8 images are standardised; or None."""

    @property
    def name(self) -> str:
        """The model's name."""
        return self._native.name

    @property
    def input_shape(self) -> Tuple[int, ...]:
        """The shape of one input, without the batch."""
        return tuple(self._native.input_shape)

    @property
    def outputs(self) -> int:
        """The number of outputs, C."""
        return self._native.outputs

    @property
    def density(self) -> float:
        """Kept weights / all weights; biases and norms are not counted."""
        return self._native.density

    @property
    def layers(self) -> List[Dict[str, Any]]:
        """Of each weight that can be pruned: name, weights, kept, density."""
        found: List[Dict[str, Any]] = json.loads(self._native.layers())
        return found

    @property
    def weights(self) -> Dict[str, np.ndarray]:
        """Every parameter by name, float32: weights (0 where pruned), biases, norms and running statistics."""
        return {name: value for name, _, value, _ in self._native.parameters()}

    @property
    def masks(self) -> Dict[str, np.ndarray]:
        """The masks of pruned weights by name: bool, of the weight's shape, True where it is kept."""
        return {name: mask for name, _, _, mask in self._native.parameters() if mask is not None}

    def __call__(self, images: Data, *, execution: str = "auto", threads: int = 0) -> Any:
        """Outputs [N, C] of images [N, ...], with the kept weights only where that is faster.

        Float images are taken as they are, uint8 ones are standardised by the network's normalisation. Returns a tensor
        of PyTorch for one, else an array of NumPy. `execution`: "auto", "sparse" or "dense". `threads` 0: one per
        processor. ValueError for images of other shapes than `input_shape`.
        """
        outputs = self._predict(self._images(images), execution, threads)
        if is_tensor(images):
            import torch

            return torch.from_numpy(outputs)
        return outputs

    def _images(self, images: Data, labels: Any = None) -> Images:
        read = Images(images, labels, self.normalisation)
        if self.normalisation is None and read.normalisation is not None:
            raise ValueError(
                "the network was not found on uint8 images and holds no mean and standard deviation for them; give it "
                "float images, standardised as its training images were"
            )
        return read

    def _predict(self, images: Images, execution: str, threads: int) -> np.ndarray:
        if execution not in self._predictors:
            self._predictors[execution] = _native.Predictor(self._native, execution)
        return self._predictors[execution].predict(images.values, threads)

    def save(self, path: "Union[str, os.PathLike[str]]") -> None:
        """Writes a network file (safetensors): weights under their names, masks as `<name>_mask`, and `metadata`.

        The program takes it (`ntt train --init`), `load` reads it, and so does any reader of safetensors.
        RuntimeError if the disk refuses.
        """
        self._native.save(os.fspath(path), self.metadata, self.normalisation)

    def to_onnx(self, path: "Union[str, os.PathLike[str]]", *, sparse: bool = False) -> None:
        """Writes an ONNX model (opset 17) of inputs [batch, ...]; pruned weights are 0, or left out with `sparse`."""
        self._native.save_onnx(os.fspath(path), self.metadata, sparse)

    def apply_to(self, module: "Module") -> "Module":
        """Gives a module of PyTorch this network's parameters and masks, by name, and returns it.

        Masks are those of `torch.nn.utils.prune.custom_from_mask`: pruned weights stay 0 under any optimiser, the
        parameter is called `<name>_orig`, and `prune.remove` makes them permanent. The module stays on its device and
        in its type; its running statistics are set too. ValueError, with the module untouched, where a parameter is
        not there or has another shape.
        """
        import torch
        from torch.nn.utils import prune

        parameters = [entry for entry in self._native.parameters() if entry[1] != "constant"]
        already = {full: (part, name) for full, part, name in pruned_weights(module)}
        targets = {**dict(module.named_buffers()), **dict(module.named_parameters())}
        targets.update({full: getattr(part, name + "_orig") for full, (part, name) in already.items()})
        for name, _, value, _ in parameters:
            if name not in targets or tuple(targets[name].shape) != value.shape:
                has = f"one of {list(targets[name].shape)}" if name in targets else "none of that name"
                raise ValueError(
                    f"the network has a parameter '{name}' of {list(value.shape)}, but {type(module).__name__} has "
                    f"{has}; apply it to the module that it was made of"
                )
        for name, _, value, mask in parameters:
            if name in already:
                prune.remove(*already[name])
            owner, _, last = name.rpartition(".")
            part = module.get_submodule(owner)
            with torch.no_grad():
                getattr(part, last).copy_(torch.from_numpy(value))
            if mask is not None:
                prune.custom_from_mask(part, last, torch.from_numpy(mask).to(getattr(part, last).device))
        return module

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: density {self.density:.4g}>"

    def _facts(self) -> Dict[str, str]:
        return {"model": self.name, "density": f"{self.density:.4g}"}

    def _repr_html_(self) -> str:
        """A table of the layers, for notebooks."""
        facts = " · ".join(f"{html.escape(key)}: {html.escape(value)}" for key, value in self._facts().items())
        rows = "".join(
            f"<tr><td style='text-align:left'>{html.escape(layer['name'])}</td><td>{layer['weights']:,}</td>"
            f"<td>{layer['kept']:,}</td><td>{layer['density']:.4f}</td></tr>"
            for layer in self.layers
        )
        return (
            f"<p>{facts}</p><table><thead><tr><th>layer</th><th>weights</th><th>kept</th><th>density</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )


def _axes(axes: "Optional[Axes]") -> "Axes":
    if axes is not None:
        return axes
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("plot() draws with matplotlib, which is not installed: pip install matplotlib") from error
    return plt.subplots()[1]


class SparseInitialisation(Network):
    """A sparse network to be trained, and how it was found."""

    def __init__(
        self,
        native: _native.Network,
        metadata: Dict[str, str],
        normalisation: Optional[_native.Normalisation],
        teacher: Network,
        record: Dict[str, Any],
        metrics: List[Dict[str, float]],
    ):
        super().__init__(native, metadata, normalisation)
        self.teacher = teacher
        """The dense network that it was made of."""
        self.record = record
        """What the program's result.json says: method, density, reads, cost, layers and, after a transfer, figures."""
        self.metrics = metrics
        """Of a transfer, at each evaluation: step, epoch, kernel_distance and target_distance on held-out inputs,
        density, seconds. Empty for methods that score weights."""

    @property
    def method(self) -> str:
        """The method that found it."""
        return str(self.record["method"])

    def _facts(self) -> Dict[str, str]:
        facts = {"model": self.name, "method": self.method, "density": f"{self.density:.4g}"}
        for name, distance in self.record.get("figures", {}).items():
            if isinstance(distance, dict):
                facts[name.replace("_", " ")] = f"{distance['before']:.4g} → {distance['after']:.4g}"
        return facts

    def plot(self, axes: "Optional[Axes]" = None) -> "Axes":
        """Draws kernel and target distance by step, on a logarithmic scale. ValueError where there are none."""
        if not self.metrics:
            raise ValueError(f"method {self.method} takes no steps, so that there are no distances to draw")
        axes = _axes(axes)
        steps = [record["step"] for record in self.metrics]
        for name in ("kernel_distance", "target_distance"):
            axes.plot(steps, [record[name] for record in self.metrics], label=name.replace("_", " "))
        axes.set_xlabel("step")
        axes.set_ylabel("distance to the teacher")
        axes.set_yscale("log")
        axes.legend()
        return axes


class TrainedNetwork(Network):
    """A network after supervised training."""

    def __init__(
        self,
        native: _native.Network,
        metadata: Dict[str, str],
        normalisation: Optional[_native.Normalisation],
        record: Dict[str, Any],
        metrics: List[Dict[str, float]],
    ):
        super().__init__(native, metadata, normalisation)
        self.record = record
        """What the program's result.json says under figures: accuracies, losses, steps, seconds."""
        self.metrics = metrics
        """At each evaluation: step, epoch, train_loss, train_accuracy, validation_accuracy, test_accuracy, ..."""

    def plot(self, axes: "Optional[Axes]" = None) -> "Axes":
        """Draws the accuracies by step."""
        axes = _axes(axes)
        for name in ("train_accuracy", "validation_accuracy", "test_accuracy"):
            points = [(record["step"], record[name]) for record in self.metrics if record.get(name) is not None]
            if points:
                axes.plot(*zip(*points), label=name.replace("_", " "))
        axes.set_xlabel("step")
        axes.set_ylabel("accuracy")
        axes.legend()
        return axes


def load(source: "Union[str, os.PathLike[str], torch.nn.Module]", *, example: Optional[Data] = None) -> Network:
    """The network of a file or run folder that this package or the program wrote, of an .onnx file or of a module.

    Weights that are 0 in an .onnx file or a module, or masked by `torch.nn.utils.prune`, are taken as pruned: whoever
    has a pruned network already runs its inference with the kept weights only::

        network = ntt.load(model, example=images[:1])
        outputs = network(images)

    `example`: of a module, some images [N, ...] as it takes them, to learn their shape from. ValueError where the file is
    not a network, or the module cannot be exported.
    """
    if is_module(source):
        if example is None:
            raise ValueError("to load a module, give an example of its inputs: load(model, example=images[:1])")
        images = Images(example, None, None).values
        native = Source(source, images, None).dense(images, "given", None, (), seed=0, threads=0)
        native.mask_zeros()
        return Network(native, {}, None)
    native, metadata, normalisation, warnings = _native.Network.read(os.fspath(source))  # type: ignore[arg-type]
    for warning in warnings:
        logger.warning(warning)
    return Network(native, metadata, normalisation)
