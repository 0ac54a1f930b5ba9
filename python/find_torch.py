"""Prints folder and version of the torch that this Python would import, as a list for CMake; nothing without one."""

import importlib.util
import re
import sys
from pathlib import Path

sys.path.pop(0)  # this file's folder
spec = importlib.util.find_spec("torch")
if spec is not None and spec.origin is not None:
    folder = Path(spec.origin).parent
    version = re.search(r"__version__ = '(\d[^'+]*)", (folder / "version.py").read_text())
    print(f"{folder};{version.group(1) if version else ''}")
