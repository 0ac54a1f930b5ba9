"""Sparse networks found before training, without labels: Neural Tangent Transfer (Liu & Zenke, ICML 2020).

Example::

    import neural_tangent_transfer as ntt

    sparse = ntt.transfer(model, images, density=0.05)
    sparse.apply_to(model)
"""

import importlib
from types import ModuleType

from . import _environment

_environment.load_torch()

from ._build import VERSION as __version__
from ._data import Data
from ._finding import prune, transfer
from ._models import ModelLike, NetworkLike
from ._native import find_methods as methods
from ._native import zoo_models as models
from ._networks import Network, SparseInitialisation, TrainedNetwork, load
from ._training import evaluate, kernel, train

__all__ = [
    "Data",
    "ModelLike",
    "Network",
    "NetworkLike",
    "SparseInitialisation",
    "TrainedNetwork",
    "__version__",
    "evaluate",
    "kernel",
    "load",
    "methods",
    "models",
    "prune",
    "train",
    "transfer",
]


def __getattr__(name: str) -> ModuleType:
    """`neural_tangent_transfer.torch`, which imports PyTorch, is loaded where it is used."""
    if name == "torch":
        return importlib.import_module(".torch", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
