"""Times answers and training steps of sparse networks in ntt and its peers in turn, and prints the ratios."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

# Networks are drawn here, in NumPy: one thread is enough and cannot spin against another program's.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import ours
import problem as p
import reference
import reporting
import tables
from processes import environment, supervise
from reporting import log

HERE = Path(__file__).resolve().parent
# Workload, title and the folder of the virtual environment of each peer of sparse_peer.py.
PEERS = {
    "pytorch": ("inference", "PyTorch", "peers"),
    "pytorch-csr": ("inference", "PyTorch CSR", "peers"),
    "onnxruntime": ("inference", "ONNX Runtime", "peers"),
    "deepsparse": ("inference", "DeepSparse", "peers-deepsparse"),
    "pytorch-training": ("training", "PyTorch with masks", "peers"),
}
EPOCH = 60000  # inputs of MNIST


def read_options():
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    models = [model for model in p.MODELS if model not in p.RESNETS]
    parser = argparse.ArgumentParser(prog="sparse.sh", description=__doc__)
    parser.add_argument("--ntt", default="build/release/bin/ntt", help="our program (default: %(default)s)")
    parser.add_argument("--models", nargs="+", choices=models, default=["lenet-300-100", "conv-4"])
    parser.add_argument("--densities", type=float, nargs="+", default=[0.3, 0.1, 0.03, 0.01])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 64], help="of answers (default: 1 64)")
    parser.add_argument("--training-batch-size", type=int, default=64, help="of steps (default: %(default)s)")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=[name for name in PEERS if name != "deepsparse"])
    parser.add_argument("--threads", type=int, default=cores, help="everybody's (default: all %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of everybody (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each time, in each round (default: %(default)s)")
    parser.add_argument("--time-limit", type=float, default=300, help="seconds of a turn (default: %(default)s)")
    parser.add_argument("--memory-limit", type=float, default=0.75 * memory, help="GiB (default: three quarters)")
    parser.add_argument("--json", metavar="FILE", default=".cache/peers-sparse.json", help="default: %(default)s")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    options = parser.parse_args()
    if not 1 <= options.threads <= cores:
        parser.error(f"--threads must be from 1 to {cores}, the cores there are")
    if not all(0 < density <= 1 for density in options.densities):
        parser.error("--densities lie above 0 and are at most 1")
    if min(*options.batch_sizes, options.training_batch_size, options.rounds) < 1:
        parser.error("batch sizes and --rounds must be at least 1")
    if not min(options.seconds, options.time_limit, options.memory_limit) > 0:
        parser.error("--seconds, --time-limit and --memory-limit must be above 0")
    if not os.access(options.ntt, os.X_OK):
        parser.error(f"{options.ntt} is missing; build it, or name it with --ntt")
    if not os.access(Path(options.json).absolute().parent, os.W_OK):
        parser.error(f"--json {options.json}: its folder is missing or cannot be written to")
    return options


def python_of(peer):
    return Path(".cache") / PEERS[peer][2] / "bin" / "python"


def batch_sizes(workload, options):
    return options.batch_sizes if workload == "inference" else [options.training_batch_size]


def prepare(model, options, folder):
    """Writes the inputs, and for each density the network as ONNX and our answers, sparse execution's."""
    count = max(*options.batch_sizes, options.training_batch_size)
    inputs = np.random.default_rng(2022).standard_normal((count, *p.INPUTS[model])).astype(np.float32)
    np.save(folder / "inputs.npy", inputs)
    network = folder / "network.safetensors"
    for density in options.densities:
        ours.write_network(network, reference.Problem(model, density), masked=True)
        onnx, answers = folder / f"{density:g}.onnx", folder / f"{density:g}.npy"
        onnx.unlink(missing_ok=True)
        for command in (
            ["export", "--network", network, "--to", "onnx", "--out", onnx],
            ["run", "--network", network, "--inputs", folder / "inputs.npy", "--out", answers, "--execution", "sparse"],
        ):
            subprocess.run(
                [options.ntt, *command], env=environment(options.threads), check=True, stdout=subprocess.DEVNULL
            )


def turn_of_ours(model, workload, options):
    """{(density, batch size): our times}, or why there are none."""
    numbers = lambda values: ",".join(f"{value:g}" for value in values)
    command = [options.ntt, "bench", "sparse", "--json", "--model", model, "--threads", str(options.threads)]
    command += ["--densities", numbers(options.densities), "--seconds", str(options.seconds)]
    command += ["--batch-sizes", numbers(batch_sizes(workload, options))]
    with tempfile.TemporaryFile() as output:
        reason, _ = supervise(command, options, stdout=output, stderr=subprocess.DEVNULL)
        output.seek(0)
        if reason:
            return reason
        rows = json.load(output)["rows"]
    return {(row["density"], row["batch_size"]): row[workload] for row in rows}


def turn_of_peer(peer, model, options, folder):
    """The peer's result, or why there is none."""
    out, log_path = folder / "result.json", folder / "log.txt"
    out.unlink(missing_ok=True)
    sizes = batch_sizes(PEERS[peer][0], options)
    command = [python_of(peer), HERE / "sparse_peer.py", "--peer", peer, "--model", model, "--folder", folder]
    command += ["--densities", *map(str, options.densities), "--batch-sizes", *map(str, sizes), "--out", out]
    command += ["--threads", str(options.threads), "--seconds", str(options.seconds)]
    with open(log_path, "wb") as output:
        try:
            reason, _ = supervise(command, options, stdout=output, stderr=output)
        except OSError as error:
            return f"{python_of(peer)}: {error.strerror}"
    if reason:
        lines = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"{reason}: {lines[-1].strip()[:160]}" if lines else reason
    return json.loads(out.read_text(encoding="utf-8"))


class Comparison:
    """One model: times[who, workload, density, batch size] gets a median a round."""

    def __init__(self, model, options, folder):
        self.model, self.options, self.folder = model, options, folder
        self.times, self.failures, self.versions, self.errors = {}, {}, {}, {}

    def run(self):
        prepare(self.model, self.options, self.folder)
        workloads = dict.fromkeys(PEERS[peer][0] for peer in self.options.peers)
        for turn in range(self.options.rounds):
            for workload in workloads:
                self.take_ours(workload)
            for peer in self.options.peers:
                if peer not in self.failures:
                    self.take_peer(peer)
            log(f"{self.model}: round {turn + 1} of {self.options.rounds} done")

    def take_ours(self, workload):
        found = turn_of_ours(self.model, workload, self.options)
        if isinstance(found, str):
            sys.exit(f"ntt bench sparse: {found}")
        for (density, batch), timing in found.items():
            for execution in ("sparse", "dense"):
                self.add(f"ntt {execution}", workload, density, batch, timing[f"{execution}_ms"])

    def take_peer(self, peer):
        workload, title, _ = PEERS[peer]
        found = turn_of_peer(peer, self.model, self.options, self.folder)
        if isinstance(found, str):
            self.failures[peer] = found
            log(f"  {title} is left out: {found}")
            return
        self.versions[title] = found["version"]
        for record in found["records"]:
            place = f"{record['density']:g}, batch {record['batch_size']}"
            if "failure" in record:
                self.failures[f"{peer} at {place}"] = record["failure"]
                continue
            self.errors[title] = max(record["error"], self.errors.get(title, 0))
            self.add(title, workload, record["density"], record["batch_size"], record["ms"])

    def add(self, who, workload, density, batch, ms):
        self.times.setdefault((workload, density, batch), {}).setdefault(who, []).append(ms)

    def figures(self):
        rows = []
        for (workload, density, batch), times in self.times.items():
            ms = {who: statistics.median(found) for who, found in times.items()}
            ratios = {who: found / ms["ntt sparse"] for who, found in ms.items()}
            row = {"workload": workload, "density": density, "batch_size": batch, "ms": ms, "ratios": ratios}
            rows.append(row | {"rounds_ms": times})
        return {"rows": rows, "failures": self.failures, "versions": self.versions, "errors": self.errors}


def show(model, figures, report, markdown):
    """A table of answers and one of training steps: ours, then each peer with its ratio to our sparse execution."""
    for workload in dict.fromkeys(row["workload"] for row in figures["rows"]):
        rows = [row for row in figures["rows"] if row["workload"] == workload]
        peers = [who for who in dict.fromkeys(who for row in rows for who in row["ms"]) if who != "ntt sparse"]
        header = ["density", "batch", "ntt sparse, ms"] + [cell for who in peers for cell in (f"{who}, ms", "ratio")]
        title = f"{model}, {workload}, {report['threads']} threads, {report['processor']}"
        print(f"\n{'### ' if markdown else ''}{title}\n")
        tables.print_table(header, [_cells(row, peers) for row in rows], markdown, text_columns=0)
        if workload == "training" and model == "lenet-300-100":
            print("\n" + _epochs(rows))
    for name, failure in figures["failures"].items():
        print(f"\n{name}: {failure}.")
    if _spread(figures["rows"]) > tables.QUIET:
        print(f"\nNot a quiet machine: our rounds differ up to {_spread(figures['rows']):.1f} times.")


def _cells(row, peers):
    cells = [f"{row['density']:g}", str(row["batch_size"]), _number(row["ms"]["ntt sparse"])]
    for who in peers:
        found = who in row["ms"]
        cells += [_number(row["ms"][who]), f"{row['ratios'][who]:.2f}×"] if found else [tables.NONE] * 2
    return cells


def _number(ms):
    return f"{ms:.4f}" if ms < 0.1 else f"{ms:.3f}" if ms < 10 else f"{ms:.1f}"


def _epochs(rows):
    """Seconds of an epoch's steps, without evaluation."""
    texts = []
    for row in rows:
        steps = EPOCH // row["batch_size"]
        seconds = ", ".join(f"{who} {ms * steps / 1e3:.2f} s" for who, ms in row["ms"].items())
        texts.append(f"An epoch of {steps} steps at density {row['density']:g}: {seconds}.")
    return "\n".join(texts)


def _spread(rows):
    return max((max(times) / min(times) for row in rows for times in [row["rounds_ms"]["ntt sparse"]]), default=1)


def main():
    options = read_options()
    report = reporting.header(options)
    reporting.warn_of_load()

    def measure(folder):
        for model in options.models:
            comparison = Comparison(model, options, folder)
            try:
                comparison.run()
            finally:
                report["models"][model] = comparison.figures()
            reporting.save(options.json, report)

    return reporting.run(measure, show, report, options)


if __name__ == "__main__":
    sys.exit(main())
