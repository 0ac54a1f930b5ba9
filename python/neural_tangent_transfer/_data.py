"""Arrays, tensors and loaders of batches as the arrays that the library takes."""

from typing import Any, Iterable, Optional, Tuple, Union

import numpy as np

from . import _native

Data = Union[np.ndarray, "torch.Tensor", Iterable[Any]]  # type: ignore[name-defined]  # noqa: F821
"""Images [N, ...]: an array of NumPy, a tensor of PyTorch, or batches of either, as a DataLoader gives them, with their
labels or without."""


def is_tensor(value: Any) -> bool:
    """Whether it is a tensor of PyTorch, which is not imported for the question."""
    return type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach")


def is_array(value: Any) -> bool:
    """Whether it is an array, not a collection of some."""
    return isinstance(value, np.ndarray) or is_tensor(value)


def _as_array(value: Any, name: str) -> Any:
    """A NumPy array of the same memory where there is one: tensors on the CPU and arrays as they are."""
    if is_tensor(value):
        value = value.detach()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
        return value.cpu().numpy()
    if isinstance(value, np.ndarray):
        return value
    raise TypeError(f"{name} must be an array, a tensor, or batches of them, not {type(value).__name__}")


def _gather(data: Any, name: str) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """Images and, where batches come with them, labels, each as one array."""
    if is_array(data):
        return _as_array(data, name), None
    if isinstance(data, (str, bytes)) or not hasattr(data, "__iter__"):
        raise TypeError(f"{name} must be an array, a tensor, or batches of them, not {type(data).__name__}")
    images, labels = [], []
    for batch in data:
        if is_array(batch):
            images.append(_as_array(batch, name))
        elif isinstance(batch, (tuple, list)) and len(batch) > 0:
            images.append(_as_array(batch[0], name))
            if len(batch) > 1:
                labels.append(_as_array(batch[1], "labels"))
        else:
            raise TypeError(
                f"a batch of {name} must be an array or a tuple that begins with one, not {type(batch).__name__}"
            )
    if not images:
        raise ValueError(f"{name} holds no batch")
    if any(image.shape[1:] != images[0].shape[1:] for image in images):
        raise ValueError(f"the batches of {name} differ in shape beyond their first axis")
    return np.concatenate(images), np.concatenate(labels) if len(labels) == len(images) else None


def _as_images(images: np.ndarray, name: str) -> np.ndarray:
    if images.dtype == np.uint8:
        if images.ndim not in (3, 4):
            raise ValueError(f"{name} of uint8 must be [N, H, W] or [N, C, H, W], not {list(images.shape)}")
        return np.ascontiguousarray(images[:, None] if images.ndim == 3 else images)
    if images.dtype not in (np.float16, np.float32, np.float64):
        raise ValueError(
            f"{name} is of {images.dtype}, but must be float, standardised, or uint8, which is standardised here"
        )
    return np.ascontiguousarray(images, dtype=np.float32)


def as_labels(labels: Any, count: int, name: str = "labels") -> np.ndarray:
    """Labels int64 [N]."""
    if not is_array(labels):
        labels = np.asarray(labels)
    labels = _as_array(labels, name)
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise ValueError(
            f"{name} must be whole numbers [N], the classes from 0 on, not {labels.dtype} {list(labels.shape)}"
        )
    if labels.shape[0] != count:
        raise ValueError(f"there are {count} images and {labels.shape[0]} of {name}; they must be as many")
    return np.ascontiguousarray(labels, dtype=np.int64)


def check_labels(labels: Optional[np.ndarray], outputs: int) -> None:
    """ValueError where there are labels that no output stands for."""
    if labels is not None and len(labels) > 0 and not 0 <= labels.min() <= labels.max() < outputs:
        raise ValueError(
            f"labels are {labels.min()} to {labels.max()}, but must be 0 to {outputs - 1}: the model has {outputs} outputs"
        )


class Images:
    """Images as networks take them, float32 [N, ...], and how they became so."""

    def __init__(
        self,
        data: Data,
        labels: Any = None,
        normalisation: Optional[_native.Normalisation] = None,
        name: str = "images",
    ):
        raw, found = _gather(data, name)
        raw = _as_images(raw, name)
        if raw.ndim < 2 or raw.shape[0] == 0:
            raise ValueError(f"{name} must be [N, ...] with at least one input, not {list(raw.shape)}")
        self.normalisation = normalisation
        if raw.dtype != np.uint8:
            self.values = raw
        elif normalisation is not None:
            self.values = normalisation.standardise(raw)
        else:
            self.values, self.normalisation = _native.standardise(raw)
        labels = found if labels is None else labels
        self.labels = None if labels is None else as_labels(labels, len(raw), name.replace("images", "labels"))
