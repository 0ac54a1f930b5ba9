"""The examples, run as they are."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "python"


@pytest.fixture(autouse=True)
def one_processor():
    """They take a thread per processor, and other tests run beside this one."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    yield
    os.sched_setaffinity(0, processors)


def test_script(tmp_path):
    script = EXAMPLES / "prune_before_training.py"
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    line = result.stdout.splitlines()[-1]
    assert line.startswith("test accuracy") and float(line.split()[2].rstrip("%")) > 60


def test_notebook(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("matplotlib")
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    notebook = nbformat.read(tmp_path / "prune_my_resnet.ipynb", as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": os.fspath(tmp_path)}})
    client.execute()
    shown = str([cell.get("outputs") for cell in notebook.cells])
    assert "<table>" in shown and "image/png" in shown and "test accuracy" in shown
    assert (tmp_path / "sparse.onnx").is_file()
