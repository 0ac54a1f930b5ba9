"""Threads, signals, forks and the order of imports: each in a process of its own where it could end this one."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import neural_tangent_transfer as ntt
import numpy as np
import pytest
import torch
from conftest import QUICK
from neural_tangent_transfer import _build

HERE = Path(__file__).parent


def run(code, timeout=120, **environment):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **environment},
        cwd=HERE,
    )


def test_two_threads_at_once(mlp, data):
    expected = [ntt.transfer(mlp, data.images, density=0.2, seed=seed, **QUICK) for seed in range(2)]
    found = [None, None]

    def work(seed):
        found[seed] = ntt.transfer(mlp, data.images, density=0.2, seed=seed, **QUICK)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(expected, found):
        assert all(np.array_equal(value, other.weights[name]) for name, value in one.weights.items())


def test_other_threads_run_meanwhile(mlp, data):
    """The interpreter's lock is free while a job runs."""
    ticks = []
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.monotonic()
    ntt.transfer(mlp, data.images, density=0.2, **{**QUICK, "steps": 300})
    seconds = time.monotonic() - begin
    done.set()
    thread.join()
    assert len(ticks) > 0.2 * seconds / 0.005


def test_number_of_threads_of_torch_stays(mlp, data):
    before = torch.get_num_threads()
    ntt.transfer(mlp, data.images, density=0.2, **{**QUICK, "threads": 2})
    assert torch.get_num_threads() == before


LONG = """
    import sys, threading, time
    from conftest import make_data, torch
    import neural_tangent_transfer as ntt
    images = make_data(600, 1)[0]
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 64), torch.nn.ReLU(), torch.nn.Linear(64, 4))
    ntt.transfer(net, images, steps=1, held_out=0.02, progress=False)  # PyTorch loads its exporter the first time
"""


def interrupt(code):
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(LONG) + textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE,
    )
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        begin = time.monotonic()
        rest = process.communicate(timeout=60)[0]
        return rest, process.returncode, time.monotonic() - begin
    finally:
        process.kill()


def test_control_c_stops_at_the_end_of_a_step():
    rest, code, seconds = interrupt("""
        print("ready", flush=True)
        try:
            ntt.transfer(net, images, steps=10**7, held_out=0.02, progress=False)
        except KeyboardInterrupt as stop:
            print("stopped:", stop)
        found = ntt.prune(net, images, method="magnitude", density=0.5)  # and Python goes on
        print("density", round(found.density, 1))
    """)
    assert "stopped: the transfer was stopped at step" in rest and "density 0.5" in rest
    assert code == 0 and seconds < 20


def test_control_c_saves_what_can_be_resumed(tmp_path):
    rest, code, _ = interrupt(f"""
        out = {str(tmp_path / "run")!r}
        options = dict(density=0.2, batch_size=32, held_out=0.02, threads=1, seed=1, progress=False)
        print("ready", flush=True)
        try:
            ntt.transfer(net, images, steps=12000, out=out, **options)
            print("too quick")
        except KeyboardInterrupt:
            print("stopped")
        try:
            ntt.transfer(net, images, steps=12000, out=out, resume=True, **{{**options, "density": 0.3}})
        except ValueError as error:
            print(error)
        resumed = ntt.transfer(net, images, steps=12000, out=out, resume=True, **options)
        whole = ntt.transfer(net, images, steps=12000, **options)
        print(all((resumed.weights[name] == value).all() for name, value in whole.weights.items()))
        print([record["step"] for record in resumed.metrics] == [record["step"] for record in whole.metrics])
    """)
    assert code == 0
    lines = rest.splitlines()
    assert lines[0] == "stopped" and "density" in lines[1] and lines[2:] == ["True", "True"]


def test_handlers_of_others_are_called_and_their_exceptions_raised():
    rest, code, _ = interrupt("""
        import signal
        def handler(*_):
            raise RuntimeError("mine")
        signal.signal(signal.SIGINT, handler)
        print("ready", flush=True)
        try:
            ntt.transfer(net, images, steps=10**7, held_out=0.02, progress=False)
        except RuntimeError as error:
            print(error)
    """)
    assert rest == "mine\n" and code == 0


def test_workers_of_a_data_loader_may_use_networks():
    """They are forked after this process has used OpenMP, whose threads are not there in the child."""
    result = run(
        LONG
        + """
    import numpy as np
    floats = (images / 255).astype(np.float32)
    found = ntt.prune(net, floats, method="magnitude", density=0.3, threads=2)
    outputs = found(np.repeat(floats, 20, 0), threads=2)

    class Outputs(torch.utils.data.Dataset):
        def __len__(self):
            return 4
        def __getitem__(self, index):
            x = np.repeat(floats, 20, 0)
            ntt.transfer(net, floats, steps=3, held_out=0.02, threads=2, progress=False)
            return torch.from_numpy(found(x, threads=2))

    loader = torch.utils.data.DataLoader(Outputs(), batch_size=None, num_workers=2)
    for batch in loader:
        assert np.allclose(batch.numpy(), outputs, atol=1e-4)
    batches = torch.utils.data.DataLoader(torch.from_numpy(floats), 100, num_workers=2)
    ntt.transfer(net, batches, steps=3, held_out=0.02, progress=False)
    print("done")
    """
    )
    assert result.returncode == 0 and result.stdout.endswith("done\n"), result.stderr


@pytest.mark.parametrize("first, second", [("torch", "neural_tangent_transfer"), ("neural_tangent_transfer", "torch")])
def test_both_orders_of_import(first, second):
    result = run(f"""
        import {first}
        import {second}
        import numpy as np, torch, neural_tangent_transfer as ntt
        net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
        print(ntt.prune(net, np.ones((5, 3, 2, 2), np.float32), method="magnitude", density=0.5).density)
        torch.nn.Linear(300, 300)(torch.ones(64, 300, requires_grad=True)).sum().backward()
    """)
    assert result.returncode == 0 and float(result.stdout) == pytest.approx(0.5, abs=0.01), result.stderr


def fake_torch(folder, version="9.1.0"):
    package = folder / "torch"
    (package / "lib").mkdir(parents=True)
    (package / "lib" / "libtorch_cpu.so").write_bytes(b"")
    (package / "version.py").write_text(f"__version__ = '{version}'\n")
    (package / "__init__.py").write_text("from .version import __version__\n")
    return str(folder)


@pytest.mark.parametrize("first", ["import torch", ""])
def test_another_torch_is_refused(tmp_path, first):
    path = os.pathsep.join([fake_torch(tmp_path), os.environ.get("PYTHONPATH", "")])
    result = run(f"{first}\nimport neural_tangent_transfer", PYTHONPATH=path)
    assert result.returncode == 1
    message = result.stderr.strip().splitlines()[-1]
    assert message.startswith("ImportError: neural_tangent_transfer was built against")
    assert "torch 9.1.0" in message and "pip install --force-reinstall" in message


@pytest.mark.skipif(_build.TORCH_IS_BUNDLED, reason="the package needs its torch")
def test_torch_that_comes_later_is_checked_too(tmp_path):
    path = os.environ.get("PYTHONPATH", "")
    result = run(
        f"""
        import importlib.util, sys
        real = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *rest: None if name == "torch" else real(name, *rest)
        import neural_tangent_transfer
        importlib.util.find_spec = real
        sys.path.insert(0, {fake_torch(tmp_path)!r})
        import torch
    """,
        PYTHONPATH=path,
    )
    assert result.returncode == 1 and "ImportError: neural_tangent_transfer was built against" in result.stderr
