"""Which torch the package is built against: cmake/NttPython.cmake runs this file, and the wheel's metadata name it."""

import os
import subprocess
import sys
from typing import Any, Dict, List, Mapping

# Folder, version, and whether the folder holds the libraries of PyTorch itself, as PyPI's package does.
_LOOK = """
import importlib.util, pathlib, re, sys
sys.path.pop(0)  # the folder that this runs in
spec = importlib.util.find_spec("torch")
if spec is not None and spec.origin is not None:
    folder = pathlib.Path(spec.origin).parent
    library = folder / "lib" / "libtorch_cpu.so"
    version = re.search(r"__version__ = '(\\d[^'+]*)", (folder / "version.py").read_text())
    print(folder, version.group(1) if version else "", library.exists() and not library.is_symlink(), sep=";", end="")
"""


def find_torch() -> List[str]:
    """Folder, version and "True" or "False"; nothing where there is no torch.

    Where the build is isolated, its Python does not see the environment's packages: PYTHONPATH hides them (pip), or it
    is another environment (build), which leaves the one that is activated.
    """
    chosen = os.environ.get("NTT_TORCH_PYTHON")
    activated = os.path.join(os.environ.get("VIRTUAL_ENV", ""), "bin", "python")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for python in [chosen] if chosen else [sys.executable, activated]:
        if os.path.exists(python):
            look = subprocess.run([python, "-c", _LOOK], env=environment, stdout=subprocess.PIPE, text=True, check=True)
            if look.stdout:
                return look.stdout.split(";")
    return []


# What follows is called by scikit-build-core.

_sdist = False


def build_state(state: str) -> None:
    global _sdist
    _sdist = state == "sdist"


def dynamic_wheel(settings: Mapping[str, Any]) -> Dict[str, bool]:
    return {"dependencies": True}


def dynamic_metadata(settings: Mapping[str, Any], project: Mapping[str, Any]) -> Dict[str, Any]:
    """A wheel needs the very release of PyPI's torch whose libraries its module is linked with."""
    found = [] if _sdist else find_torch()
    return {"dependencies": ["numpy", f"torch=={found[1]}"] if found[2:] == ["True"] else ["numpy"]}


if __name__ == "__main__":
    print(";".join(find_torch()))
