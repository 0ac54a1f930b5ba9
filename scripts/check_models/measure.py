"""Runs a program and says how long it took and how much memory it had at most."""

import json
import subprocess
import sys
from typing import NamedTuple

# A process that another one starts begins with that one's peak: this one is small.
WRAPPER = """
import json, os, subprocess, sys, time
start = time.perf_counter()
child = subprocess.run(sys.argv[1:], capture_output=True, text=True)
seconds = time.perf_counter() - start
import resource
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
busy = usage.ru_utime + usage.ru_stime
print(json.dumps([child.returncode, child.stdout, child.stderr, seconds, busy, usage.ru_maxrss * 1024]))
"""


class Failure(Exception):
    """A program that failed, or a result that is not what it should be; one sentence."""


class Measured(NamedTuple):
    output: str
    seconds: float
    busy: float  # seconds of a processor: on a machine with other work, less than it took
    peak: int  # bytes


def run(*command):
    """What the command printed; Failure with the last line of its messages unless it exits with 0."""
    words = [str(word) for word in command]
    wrapper = subprocess.run([sys.executable, "-S", "-E", "-c", WRAPPER, *words], capture_output=True, text=True)
    if wrapper.returncode:
        raise Failure(f"{words[0]} cannot be run: {last_line(wrapper.stderr)}")
    status, output, messages, *figures = json.loads(wrapper.stdout)
    if status:
        raise Failure(f"{' '.join(words[:2])} exits with {status}: {last_line(messages)}")
    return Measured(output, *figures)


def last_line(text):
    return (text.strip().splitlines() or ["no message"])[-1]
