"""Runs one program at a time in bounds of time and memory."""

import os
import signal
import subprocess
import time
from pathlib import Path


def environment(threads):
    """This process's environment with everybody's thread count in it, on the CPU alone."""
    count = str(threads)
    return os.environ | {
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "NM_DISABLE_ANALYTICS": "True",
    }


def supervise(command, options, **files):
    """Runs a command in a process group of its own: (None, or why it was stopped or failed; peak resident GiB).

    OSError when the command cannot be started.
    """
    process = subprocess.Popen(command, env=environment(options.threads), start_new_session=True, **files)
    _offer_to_the_killer(process.pid)
    began, reason, status = time.monotonic(), None, None
    try:
        while status is None and reason is None:
            time.sleep(0.05)
            pid, waited, usage = os.wait4(process.pid, os.WNOHANG)
            status = os.waitstatus_to_exitcode(waited) if pid else None
            if _resident_gib(process.pid) > options.memory_limit:
                reason = f"over memory ({options.memory_limit:.3g} GiB)"
            elif time.monotonic() - began > options.time_limit:
                reason = f"over time ({options.time_limit:g} s)"
    finally:
        if status is None:
            os.killpg(process.pid, signal.SIGKILL)
            usage = os.wait4(process.pid, 0)[2]
        process.returncode = status
    if status == -signal.SIGKILL:
        reason = "over memory (killed by the system)"
    elif status:
        reason = f"failed (exit {status})"
    elif status == 0:
        reason = None
    return reason, usage.ru_maxrss / 2**20


def _offer_to_the_killer(pid):
    """Where memory runs out faster than it is watched, the system kills this process before any other."""
    try:
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000", encoding="ascii")
    except OSError:
        pass


def _resident_gib(pid):
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**30
