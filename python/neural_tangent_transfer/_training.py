"""Training networks and measuring them: train(), evaluate() and kernel()."""

import json
import os
from typing import Any, Dict, Optional, Sequence, Tuple, Union

import numpy as np

from . import _native
from ._build import VERSION
from ._data import Data, Images, check_labels, is_array, is_tensor
from ._finding import prune
from ._listener import Listener
from ._models import NetworkLike, Source, is_module, pruned_weights
from ._networks import Network, SparseInitialisation, TrainedNetwork, load
from ._options import KERNEL, TRAINING, Path, run_request, set_options


def as_network(model: NetworkLike, images: Any, threads: int) -> Network:
    """A network as it is, whatever it comes as: nothing is drawn."""
    if isinstance(model, Network):
        return model
    if isinstance(model, (str, os.PathLike)):
        return load(model)
    if not is_module(model):
        raise TypeError(
            f"a network must be a Network, a torch.nn.Module or the path of a network file, not {type(model).__name__}"
        )
    example = Images(images)
    native = Source(model, example.values, None).dense(example.values, "given", None, (), 0, threads)
    for name, part, last in pruned_weights(model):
        native.set_mask(
            name, np.ascontiguousarray(getattr(part, last + "_mask").detach().cpu().numpy(), dtype=np.uint8)
        )
    return Network(native, {"model": native.name, "method": "given"}, example.normalisation)


def train(
    model: NetworkLike,
    images: Data,
    labels: Any = None,
    test_images: Optional[Data] = None,
    test_labels: Any = None,
    *,
    method: Optional[str] = None,
    density: Optional[float] = None,
    scope: str = "layer",
    epochs: int = 50,
    steps: int = 0,
    batch_size: int = 64,
    optimiser: str = "adam",
    momentum: float = 0.9,
    learning_rate: Optional[float] = None,
    weight_decay: Optional[float] = None,
    schedule: str = "constant",
    warm_up: int = 0,
    milestones: Sequence[float] = (0.5, 0.75),
    gamma: float = 0.1,
    label_smoothing: float = 0.0,
    augment: Union[str, Sequence[str]] = (),
    mask_updates: str = "none",
    mask_interval: int = 100,
    mask_share: float = 0.3,
    mask_until: float = 0.75,
    held_out: float = 0.1,
    evaluate_interval: int = 100,
    select: str = "last",
    execution: str = "auto",
    track: int = 0,
    rewind_step: Optional[int] = None,
    weights: Optional[str] = None,
    initialisation: Optional[str] = None,
    keep: Union[str, Sequence[str]] = (),
    seed: int = 0,
    threads: int = 0,
    device: str = "cpu",
    out: Optional[Path] = None,
    resume: bool = False,
    checkpoint_seconds: float = 10.0,
    tensorboard: bool = False,
    progress: bool = True,
) -> TrainedNetwork:
    """Trains a network with labels, its masks fixed unless `mask_updates` says otherwise.

    As the paper did by default: Adam minimises the cross-entropy + weight_decay · Σ‖m ⊙ W‖² (Liu & Zenke, ICML 2020).
    Steps are computed with the kept weights only, where that is faster. A loop of PyTorch over a module that `apply_to`
    has pruned is the other way to train.

    Args:
        model: what is trained: a network that was found or loaded, the path of its file or run folder, or a module with
            its masks of `torch.nn.utils.prune`. With `method`, a model as in `transfer`.
        images: training inputs [N, ...], as in `transfer`; uint8 images are standardised by the network's
            normalisation, where it has one.
        labels: [N], whole numbers from 0 on; None: those that come with batches of `images`.
        test_images, test_labels: the same for the test accuracy; None: there is none.
        method: "dense" or "random", for a model without masks: all weights, or `density` of them, chosen at random.
        density, scope: of "random".
        epochs: passes over the training inputs.
        steps: steps instead of epochs; 0: as `epochs` says.
        batch_size: inputs per step.
        optimiser: "adam", or "sgd" or "nesterov", gradient descent with momentum as PyTorch's SGD has it.
        momentum: of "sgd" and "nesterov".
        learning_rate: the highest of the schedule; None: of Adam 1e-3, for networks with batch norm
            3e-3, else 0.01 and 0.1.
        weight_decay: of Adam the factor of the kept weights' sum of squares, else of half of it, as in PyTorch; None:
            of Adam 1e-8, else 5e-4.
        schedule: how the learning rate goes over the run: "constant", "step", "cosine" or "one-cycle".
        warm_up: steps in which it rises; 0: none, with "one-cycle" 0.3 of all.
        milestones: of "step": shares of the run after which it is multiplied by `gamma`.
        gamma: of "step".
        label_smoothing: share of each label that is spread over all classes.
        augment: random changes of images: "crop" (shifted by up to 4 pixels), "flip", "cutout" (of 16 pixels).
        mask_updates: "none", or weights are exchanged in training, for random ones ("set", Mocanu et al., 2018) or those
            of large gradients ("rigl", Evci et al., ICML 2020).
        mask_interval: steps between such exchanges.
        mask_share: share of a layer's weights that the first one takes; it falls to 0.
        mask_until: share of the run after which masks stay.
        held_out: share of the training inputs kept for validation.
        evaluate_interval: steps between evaluations.
        select: whose weights to keep: "last", or those of "best-validation".
        execution: "sparse", "dense" or "auto".
        track: held-out inputs on which outputs and kernel are recorded in `out` at evaluations; 0: none.
        rewind_step: the network after so many steps is kept in `out`, from which `ntt rewind` begins; None: none is.
        weights, initialisation, keep: of a model that `method` makes a network of, as in `transfer`.
        seed, threads, device, out, resume, checkpoint_seconds, tensorboard, progress: as in `transfer`.

    Returns:
        The trained network, its `record` and its `metrics` by step.

    Raises:
        ValueError, RuntimeError, KeyboardInterrupt: as `transfer`.
    """
    augment = (augment,) if isinstance(augment, str) else augment
    values = dict(locals())
    options = set_options(_native.TrainingOptions(), {name: values[name] for name in dir(TRAINING) if name in values})
    start, data = _start(values)
    if data.labels is None:
        raise ValueError("training reads labels; give them, or batches that come with theirs")
    normalisation = start.normalisation or data.normalisation
    test = None if test_images is None else Images(test_images, test_labels, normalisation, "test_images")
    if test is not None and test.labels is None:
        raise ValueError("test_images come without test_labels")
    not_options = ("model", "images", "labels", "test_images", "test_labels", "out", "resume", "progress")
    asked = {name: value for name, value in values.items() if name not in not_options}
    metadata = {
        "method": start.metadata.get("method", "unknown"),
        "provenance": f"neural_tangent_transfer {VERSION} train, seed {seed}",
    }
    teacher = start.teacher._native if isinstance(start, SparseInitialisation) and track > 0 else None
    with Listener(progress) as listener:
        native, record, metrics = _native.train(
            start._native,
            data.values,
            data.labels,
            None if test is None else test.values,
            None if test is None else test.labels,
            options,
            teacher,
            run_request("train", asked, TRAINING, out, resume),
            metadata,
            normalisation,
            threads,
            device,
            listener,
        )
    return TrainedNetwork(
        native, {"model": native.name, **metadata}, normalisation, json.loads(record), json.loads(metrics)
    )


def _start(values: Dict[str, Any]) -> Tuple[Network, Images]:
    """The network that training begins with, and the images as it takes them."""
    model, images, labels, method = values["model"], values["images"], values["labels"], values["method"]
    if method is None:
        if values["density"] is not None:
            raise ValueError('density is that of the network to train; leave it out, or say method="random"')
        data = Images(images, labels, None) if is_module(model) else None
        network = as_network(model, data.values if data else None, values["threads"])
        return network, data or network._images(images, labels)
    if method not in ("dense", "random"):
        raise ValueError(f"method is '{method}', but must be one of dense, random")
    if method == "random" and values["density"] is None:
        raise ValueError('method "random" needs a density, the share of the weights to keep')
    density = values["density"] if method == "random" else 1.0
    if values["density"] not in (None, density):
        raise ValueError('method "dense" keeps every weight; leave density out, or say method="random"')
    data = Images(images, labels)
    options = {name: values[name] for name in ("scope", "weights", "initialisation", "keep", "seed", "threads")}
    found = prune(model, data.values, data.labels, method=method, density=density, progress=False, **options)
    found.normalisation = found.teacher.normalisation = data.normalisation
    return found, data


def evaluate(
    model: NetworkLike, images: Data, labels: Any = None, *, execution: str = "auto", threads: int = 0
) -> Dict[str, Any]:
    """Accuracy and mean cross-entropy of a network on labelled images, and how dense it is.

    Args:
        model: a network that was found, trained or loaded, the path of its file or run folder, or a module.
        images, labels: as in `train`.
        execution: "sparse", "dense" or "auto", whichever is faster.
        threads: 0: one per processor.

    Returns:
        accuracy (of 1), loss, density, layers as `Network.layers` has them, and of more than five classes
        top5_accuracy.

    Raises:
        ValueError: where images or labels do not fit.
    """
    network = as_network(model, images, threads)
    data = network._images(images, labels)
    if data.labels is None:
        raise ValueError("evaluate reads labels; give them, or batches that come with theirs")
    check_labels(data.labels, network.outputs)
    accuracy, loss, top5 = _native.score(network._predict(data, execution, threads), data.labels)
    found = {"accuracy": accuracy, "loss": loss, "density": network.density, "layers": network.layers}
    return found if network.outputs <= 5 else {**found, "top5_accuracy": top5}


def kernel(
    model: NetworkLike,
    x1: Data,
    x2: Optional[Data] = None,
    *,
    parameters: str = "all",
    kernel: str = "exact",
    probes: int = 1,
    dtype: str = "float32",
    block: int = 32,
    seed: int = 0,
    threads: int = 0,
    device: str = "cpu",
    progress: bool = True,
) -> Any:
    """The empirical neural tangent kernel Θ(x1, x2)[c, c'] = ⟨∂f_c(x1)/∂θ, ∂f_c'(x2)/∂θ⟩ (Jacot et al., NeurIPS 2018).

    Args:
        model: as in `evaluate`. Batch norm takes its running mean and variance.
        x1: inputs [n1, ...], as in `transfer`.
        x2: inputs [n2, ...]; None: x1 again.
        parameters: which parameters θ are: "all", or "active", those that masks keep.
        kernel: "exact", or "sketch": vᵀ Θ v' for `probes` random directions v of the outputs.
        probes: directions per input in a sketch, at most C.
        dtype: what to compute in: "float32" or "float64".
        block: inputs on each side of a block that is computed at once.
        seed: of the directions.
        threads: 0: one per processor.
        device: "cpu", "cuda" or "cuda:N".
        progress: show a bar, where tqdm is installed.

    Returns:
        [n1, n2, C, C], with "sketch" [n1, n2, probes, probes]: a tensor of PyTorch where x1 is one, else of NumPy.

    Raises:
        ValueError: where inputs or options do not fit.
        KeyboardInterrupt: after Ctrl-C, at the end of a block.
    """
    values = dict(locals())
    options = set_options(_native.KernelOptions(), {name: values[name] for name in dir(KERNEL) if name in values})
    network = as_network(model, x1, threads)
    left = network._images(x1).values
    right = None if x2 is None else network._images(x2).values
    with Listener(progress) as listener:
        result = _native.kernel(network._native, left, right, options, threads, device, listener)
    if is_array(x1) and is_tensor(x1):
        import torch

        return torch.from_numpy(result)
    return result
