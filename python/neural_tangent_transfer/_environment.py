"""Sees to it that one libtorch is loaded only: two in one process crash, in either order of import."""

import importlib.util
import re
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Optional, Sequence

from . import _build

_REINSTALL = (
    "pip install --force-reinstall --no-deps --no-cache-dir neural-tangent-transfer (or the path of its source) "
    "builds it against the torch of this environment"
)


def _release(version: str) -> str:
    match = re.match(r"\d+(\.\d+)*", version)
    return match.group() if match else version


def _version_in(folder: Path) -> str:
    match = re.search(r"^__version__ = '([^']+)'", (folder / "version.py").read_text(), re.MULTILINE)
    return match.group(1) if match else "of unknown version"


def _check(version: str, folder: Path) -> None:
    library = folder / "lib" / "libtorch_cpu.so"
    bundled = library.exists() and not library.is_symlink()
    if bundled == _build.TORCH_IS_BUNDLED and _release(version) == _release(_build.TORCH_VERSION):
        return
    built = (
        f"torch {_build.TORCH_VERSION}" if _build.TORCH_IS_BUNDLED else f"the system's libtorch {_build.TORCH_VERSION}"
    )
    raise ImportError(
        f"neural_tangent_transfer was built against {built}, but this Python has torch {version} in {folder}, and one "
        f"process cannot hold both; {_REINSTALL}"
    )


class _LaterImports:
    """Checks a torch that is imported after this package, and was not to be found before."""

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if name == "torch":
            for finder in sys.meta_path:
                spec = None if finder is self else finder.find_spec(name, path, target)
                if spec is not None and spec.origin is not None:
                    folder = Path(spec.origin).parent
                    _check(_version_in(folder), folder)
                    break
        return None


def load_torch() -> None:
    """Raises ImportError where the torch that is or would be imported is not the one that this was built against."""
    loaded = sys.modules.get("torch")
    if loaded is not None:
        _check(str(loaded.__version__), Path(str(loaded.__file__)).parent)
        return
    spec = importlib.util.find_spec("torch")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        _check(_version_in(folder), folder)
    if _build.TORCH_IS_BUNDLED:
        if spec is None:
            raise ImportError(
                f"neural_tangent_transfer was built against torch {_build.TORCH_VERSION}, which this Python does not "
                f"have: install it, or {_REINSTALL}"
            )
        import torch  # noqa: F401  loads the libraries that the native module takes from it
    elif spec is None:
        sys.meta_path.insert(0, _LaterImports())  # type: ignore[arg-type]
