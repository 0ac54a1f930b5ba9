"""What the comparisons have in common: the report's header, warnings, and the way from measuring to what is printed."""

import datetime
import json
import os
import platform
import signal
import sys
import tempfile
from pathlib import Path


def log(text):
    print(text, file=sys.stderr, flush=True)


def processor():
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def header(options, **further):
    """A report without figures: when, where, and under what load; `further` is what one comparison alone has to say."""
    return {
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "processor": processor(),
        "threads": options.threads,
        **further,
        "load_at_start": os.getloadavg()[0],
        "models": {},
    }


def warn_of_load():
    if os.getloadavg()[0] > 0.5:
        log(f"other programs were running (load {os.getloadavg()[0]:.1f}): if they still are, expect wrong times")


def save(path, report):
    if not path:
        return
    part = Path(f"{path}.part")
    part.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def run(measure, show, report, options):
    """Measures in a folder that is removed, and saves and shows what was found, even if interrupted; the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    interrupted = False
    try:
        with tempfile.TemporaryDirectory(prefix="ntt-peers-") as folder:
            measure(Path(folder))
    except KeyboardInterrupt:
        interrupted = True
        log("interrupted: what was measured so far follows")
    save(options.json, report)
    for model, figures in report["models"].items():
        show(model, figures, report, options.markdown)
    return 130 if interrupted else 0
