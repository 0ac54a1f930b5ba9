"""What the peers' own processes share: options, the checks against the reference, timing, and the result file."""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

LOSS_TOLERANCE = 3e-4  # relative; sums of 1e5 float32 squares cost JAX up to 1e-4
GRADIENT_TOLERANCE = 1e-3  # of the layer's gradient norm
CHECKED_STEPS = 3


def start():
    """Reads the options and bounds the threads; call it before importing a framework."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--variant", required=True)
    parser.add_argument("--probes", type=int, required=True, help="0: exact")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--min-steps", type=int, required=True)
    parser.add_argument("--reference", required=True, help="JSON file with loss and derivatives")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    # Frameworks chat on stdout (neural-tangents prints its operation counts); results go to --out alone.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return options


def measure(options, step, gradients, versions):
    """Checks the first step's loss and gradient against the reference, times the steps after it, writes the result.

    step() runs one whole optimisation step to its end and returns the loss before it. The first one compiles and is not
    timed. gradients(), called after that step, returns what it found: the derivative along the problem's direction and
    the norm of the gradient, for each of the problem's groups of layers. `losses` holds the first few, so that peers
    can be compared after updates too.
    """
    reference = json.loads(Path(options.reference).read_text(encoding="utf-8"))
    began = time.perf_counter()
    loss = float(step())
    result = {"versions": versions, "losses": [loss], "first_step_seconds": time.perf_counter() - began}
    found = [(float(derivative), float(norm)) for derivative, norm in gradients()]
    wrong = _wrong(loss, found, reference)
    if wrong:
        _write(options.out, result | {"failure": wrong})
        return
    _write(options.out, result)
    times, written = [], time.perf_counter()
    for seconds, loss in _timed(step, options.seconds, options.min_steps):
        times.append(seconds)
        result["losses"] = (result["losses"] + [loss])[:CHECKED_STEPS]
        if time.perf_counter() - written > 1:  # What is known should the time limit strike.
            _write(options.out, _summary(result, times))
            written = time.perf_counter()
    _write(options.out, _summary(result, times))


def _summary(result, times):
    return result | {"ms_per_step": 1e3 * statistics.median(times), "fastest_ms": 1e3 * min(times), "steps": len(times)}


def _wrong(loss, found, reference):
    """What differs from the reference, or None."""
    if not abs(loss - reference["loss"]) <= LOSS_TOLERANCE * abs(reference["loss"]):
        return f"wrong loss {loss:.6g}, reference {reference['loss']:.6g}"
    for part, ((derivative, norm), expected) in enumerate(zip(found, reference["derivatives"], strict=True)):
        if not abs(derivative - expected) <= GRADIENT_TOLERANCE * norm:
            return f"wrong gradient in part {part + 1}: derivative {derivative:.6g}, reference {expected:.6g}"
    return None


def _write(path, result):
    part = Path(f"{path}.part")
    part.write_text(json.dumps(result), encoding="utf-8")
    part.replace(path)


def _timed(step, seconds, min_steps):
    """Seconds and loss of each step. Stops at 10 steps and a twentieth of the time, or at min_steps and all of it."""
    steps, began = 0, time.perf_counter()
    while True:
        start_of_step = time.perf_counter()
        loss = float(step())
        now = time.perf_counter()
        yield now - start_of_step, loss
        steps, spent = steps + 1, now - began
        if steps >= min_steps and (spent >= seconds or (steps >= 10 and spent >= seconds / 20)):
            return
