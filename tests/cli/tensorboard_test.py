"""Asks a TensorBoard server for the scalars of the runs in a folder and compares them with their metrics.jsonl."""

import json
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

AXES = {"step", "epoch", "seconds"}


def ask(url, path, **query):
    with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
        return json.load(answer)


def expected_scalars(run):
    """{tag: {step: value}} of a run's metrics."""
    scalars = {}
    for line in (run / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        for name, value in record.items():
            if name not in AXES and value is not None:
                scalars.setdefault(name, {})[record["step"]] = value
    return scalars


def wait_for_tags(url, runs):
    for _ in range(120):
        tags = ask(url, "/data/plugin/scalars/tags")
        if runs <= tags.keys():
            return tags
        time.sleep(0.5)
    sys.exit(f"TensorBoard sees only these runs: {sorted(tags)}")


def check(url, folder):
    runs = {path.parent.name for path in folder.glob("*/metrics.jsonl")}
    tags = wait_for_tags(url, runs)
    for run in sorted(runs):
        expected = expected_scalars(folder / run)
        if set(tags[run]) != set(expected):
            sys.exit(f"{run}: TensorBoard has the scalars {sorted(tags[run])}, not {sorted(expected)}")
        for tag, values in expected.items():
            found = {step: value for _, step, value in ask(url, "/data/plugin/scalars/scalars", run=run, tag=tag)}
            if found.keys() != values.keys() or any(abs(found[s] - v) > 1e-6 * abs(v) for s, v in values.items()):
                sys.exit(f"{run}, {tag}: TensorBoard has {found}, not {values}")
        print(f"{run}: {len(expected)} scalars as in metrics.jsonl")


def main():
    folder = Path(sys.argv[1])
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--port", "0", "--load_fast", "false"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in server.stdout:
            if found := re.search(r"http://[^/\s]+", line):
                return check(found.group(), folder)
        sys.exit("TensorBoard did not start")
    finally:
        server.kill()


main()
