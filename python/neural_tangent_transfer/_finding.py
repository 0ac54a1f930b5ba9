"""Finding sparse networks: transfer() and prune()."""

import json
from typing import Any, Dict, Optional, Sequence, Union

import numpy as np

from . import _native
from ._build import VERSION
from ._data import Data, Images, check_labels
from ._listener import Listener, logger
from ._models import ModelLike, Source
from ._networks import Network, SparseInitialisation
from ._options import FIND, Path, run_request, set_options


def _classes(labels: Optional[np.ndarray], classes: Optional[int]) -> Optional[int]:
    return int(labels.max()) + 1 if classes is None and labels is not None else classes


def _find(
    command: str,
    model: ModelLike,
    data: Images,
    labels: Optional[np.ndarray],
    classes: Optional[int],
    dense: Dict[str, Any],
    values: Dict[str, Any],
    out: Optional[Path],
    threads: int,
    device: str,
    progress: bool,
) -> SparseInitialisation:
    resume = values.pop("resume")
    options = set_options(_native.FindOptions(), values)
    provenance = f"neural_tangent_transfer {VERSION} {command}, seed {values['seed']}"
    source = Source(model, data.values, _classes(labels, classes))
    teacher = source.dense(data.values, seed=values["seed"], threads=threads, device=device, **dense)
    check_labels(labels, teacher.outputs)
    request = run_request(command, {**dense, **values, "threads": threads, "device": device}, FIND, out, resume)
    with Listener(progress) as listener:
        teacher, native, record, metrics, warnings = _native.find(
            teacher,
            data.values,
            labels,
            options,
            request,
            {"provenance": provenance},
            data.normalisation,
            threads,
            listener,
        )
    for warning in warnings:
        logger.warning(warning)
    found = json.loads(record)
    metadata = {"model": native.name, "method": found["method"], "provenance": provenance}
    return SparseInitialisation(
        native,
        metadata,
        data.normalisation,
        Network(teacher, {**metadata, "method": "dense"}, data.normalisation),
        found,
        json.loads(metrics),
    )


def transfer(
    model: ModelLike,
    images: Data,
    *,
    density: float = 0.03,
    scope: str = "layer",
    kernel: str = "sketch",
    probes: int = 1,
    pairs: str = "cross",
    parameters: str = "all",
    batch_norm: str = "running",
    learning_rate: Optional[float] = None,
    kernel_weight: Optional[float] = None,
    mask_interval: Optional[int] = None,
    density_schedule: str = "cubic",
    execution: str = "auto",
    batch_size: int = 64,
    epochs: int = 20,
    steps: int = 0,
    weight_decay: Optional[float] = None,
    initial_mask: str = "magnitude",
    held_out: float = 0.002,
    evaluate_interval: int = 100,
    weights: Optional[str] = None,
    initialisation: Optional[str] = None,
    keep: Union[str, Sequence[str]] = (),
    classes: Optional[int] = None,
    seed: int = 0,
    threads: int = 0,
    device: str = "cpu",
    out: Optional[Path] = None,
    resume: bool = False,
    checkpoint_seconds: float = 5.0,
    tensorboard: bool = False,
    progress: bool = True,
) -> SparseInitialisation:
    """Finds a sparse network by Neural Tangent Transfer, without labels.

    A dense teacher f_t with weights θ_t is left as it is; a sparse student f_s, which begins with its weights under a
    mask m, is moved to minimise, on batches of N unlabelled inputs,

        L = λ_K · mean((Θ_s - Θ_t)²) + mean((f_s - f_t)²) + (λ_2 / density) · Σ ‖m ⊙ W‖²

    where Θ(x, x')[c, c'] = ⟨∂f_c(x)/∂θ, ∂f_c'(x')/∂θ⟩ is the empirical tangent kernel (Liu & Zenke, ICML 2020; with
    `kernel="sketch"` the first mean is an unbiased estimate of it from `probes` random output directions per input).

    Args:
        model: a `torch.nn.Module` [N, ...] → [N, C], the path of an .onnx or .toml file, or the name of one of `models()`. A module is only read, and may be in training or evaluation mode.
        images: inputs [N, ...] as an array, a tensor, or batches of them, as a DataLoader gives them; labels are left
            aside. Float inputs are taken as they are, standardised as for training; uint8 images [N, C, H, W] or
            [N, H, W] are divided by 255 and standardised by their own mean and deviation per channel, which the
            result keeps.
        density: share of the weights to keep, in (0, 1].
        scope: where the density holds: in each "layer", over all weights ("global"), or in each layer by its sides
            ("erk").
        kernel: "exact", over all classes, or "sketch", seen through random output directions.
        probes: directions per input in a sketch, at most C.
        pairs: which pairs of inputs count: "cross", first half of the batch against second, or "all", i ≠ j.
        parameters: which of the student's parameters its kernel counts: "all", as published, or "active".
        batch_norm: mean and variance of the student's batch norm: "running", "frozen" (the teacher's) or "batch".
        learning_rate: of Adam; None: 1e-3, for networks with batch norm 3e-3.
        kernel_weight: λ_K, 0 leaves the kernel out; None: 1e-3, for networks with batch norm 1e-4.
        mask_interval: steps between updates of the masks, 0: none; None: 100, or a 25th of a run of fewer than 2500.
        density_schedule: "constant", or "cubic": from dense down to `density` over the first 70 % of the steps.
        execution: the student's products with its kept weights only ("sparse"), with all ("dense"), or "auto".
        batch_size: inputs per step.
        epochs: passes over the inputs.
        steps: steps instead of epochs; 0: as `epochs` says.
        weight_decay: λ_2; None: as published, 1e-4, for networks with convolutions 1e-5.
        initial_mask: scores of the first mask: "magnitude" or "logit-snip".
        held_out: share of the inputs on which the distances are measured.
        evaluate_interval: steps between those measurements.
        weights: the teacher's: "given", those that the model has, or "random", drawn anew. None: "given" for a module,
            "random" otherwise, as in the program.
        initialisation: how weights are drawn: "glorot", as published, "he", as torchvision does, or "as-given", with
            the deviations that the model's have; None: "glorot", for networks with batch norm "he".
        keep: layers that are not pruned: "first", "last" or names, such as "conv1".
        classes: C, of built-in models only.
        seed: of every random draw.
        threads: 0: one per processor.
        device: "cpu", "cuda" or "cuda:N".
        out: a run folder, to which metrics, checkpoints and networks are written; None: nothing is.
        resume: go on from the checkpoint in `out`.
        checkpoint_seconds: save the state so often.
        tensorboard: metrics also as an event file.
        progress: show a bar, where tqdm is installed.

    Returns:
        The student: weights and masks, `metrics` by step, `apply_to(module)`.

    Raises:
        ValueError: options, model and images do not fit, in the sentence that the program would print.
        RuntimeError: the loss is no longer finite, or the disk refuses.
        KeyboardInterrupt: after Ctrl-C, at the end of a step; with `out`, the state is saved.
    """
    values = dict(locals())
    model, images = values.pop("model"), values.pop("images")
    return _split_and_find("transfer", model, Images(images), None, values)


def _split_and_find(
    command: str, model: ModelLike, data: Images, labels: Optional[np.ndarray], values: Dict[str, Any]
) -> SparseInitialisation:
    dense = {name: values.pop(name) for name in ("weights", "initialisation", "keep")}
    run = {name: values.pop(name) for name in ("classes", "out", "threads", "device", "progress")}
    return _find(command, model, data, labels, run.pop("classes"), dense, values, **run)


def prune(
    model: ModelLike,
    images: Optional[Data] = None,
    labels: Any = None,
    *,
    method: str,
    density: float = 0.03,
    scope: str = "layer",
    samples: int = 1000,
    rounds: int = 0,
    probes: int = 1,
    pairs: str = "cross",
    parameters: str = "all",
    batch_norm: str = "running",
    learning_rate: Optional[float] = None,
    kernel_weight: Optional[float] = None,
    mask_interval: Optional[int] = None,
    density_schedule: str = "cubic",
    execution: str = "auto",
    batch_size: int = 64,
    epochs: int = 20,
    steps: int = 0,
    weight_decay: Optional[float] = None,
    initial_mask: str = "magnitude",
    held_out: float = 0.002,
    evaluate_interval: int = 100,
    weights: Optional[str] = None,
    initialisation: Optional[str] = None,
    keep: Union[str, Sequence[str]] = (),
    classes: Optional[int] = None,
    seed: int = 0,
    threads: int = 0,
    device: str = "cpu",
    out: Optional[Path] = None,
    resume: bool = False,
    checkpoint_seconds: float = 5.0,
    tensorboard: bool = False,
    progress: bool = True,
) -> SparseInitialisation:
    """Finds a sparse network by any method: those of `methods()`.

    Most score every weight and keep the largest scores: |w| (magnitude), |w · ∂L/∂w| (snip, which reads labels), ...
    docs/methods.md has their formulas and sources. "ntt-exact", "ntt-sketch" and "logit-mimicry" fit a student to its
    teacher in steps, as `transfer` does, and take its options.

    Args:
        model: as in `transfer`.
        images: as in `transfer`. Methods that read no data, such as "magnitude" and "synflow", read the shape only.
        labels: [N], whole numbers from 0 on, for methods that read them; None: those that come with batches.
        method: its name.
        density: share of the weights to keep, in (0, 1].
        scope: "layer", "global" or "erk", as in `transfer`.
        samples: inputs that scores are taken on, drawn from the seed.
        rounds: of scoring; 0: the method's own number.
        The others: as in `transfer`; ValueError where the method takes none such.

    Returns:
        The network with its masks; `metrics` is empty for methods that score weights.

    Raises:
        ValueError, RuntimeError, KeyboardInterrupt: as `transfer`.
    """
    values = dict(locals())
    model, images, labels = values.pop("model"), values.pop("images"), values.pop("labels")
    if method not in _native.find_methods():
        raise ValueError(f"there is no method '{method}'; known are {', '.join(_native.find_methods())}")
    if images is None:
        raise ValueError("prune needs images, if only for the shape of the inputs and the statistics of batch norm")
    data = Images(images, labels)
    reads_labels = _native.reads_labels(method)
    if reads_labels and data.labels is None:
        raise ValueError(f"method {method} reads labels; give them, or batches that come with theirs")
    if values["classes"] is None and data.labels is not None:
        values["classes"] = int(data.labels.max()) + 1
    return _split_and_find("prune", model, data, data.labels if reads_labels else None, values)
