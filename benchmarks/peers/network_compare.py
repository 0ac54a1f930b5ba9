"""Times inference of standard networks with pruned weights in ntt and its peers in turn, and prints the ratios."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import reporting
import tables
from processes import environment, supervise
from reporting import log

HERE = Path(__file__).resolve().parent
NETWORKS = [
    "resnet-18",
    "resnet-50",
    "vgg-16-bn",
    "mobilenet-v2",
    "efficientnet-b0",
    "resnet-20-cifar",
    "resnet-18-cifar",
]
# Title and the folder of the virtual environment of each peer of network_peer.py.
PEERS = {
    "pytorch": ("PyTorch", "peers"),
    "onnxruntime": ("ONNX Runtime", "peers"),
    "openvino": ("OpenVINO", "peers"),
    "deepsparse": ("DeepSparse", "peers-deepsparse"),
}
TRAINING = {"pytorch-training": ("PyTorch with masks", "peers")}


def read_options():
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(prog="networks.sh", description=__doc__)
    parser.add_argument("--ntt", default="build/release/bin/ntt", help="our program (default: %(default)s)")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--densities", type=float, nargs="+", default=[0.2, 0.1, 0.05, 0.02])
    parser.add_argument("--masks", nargs="+", choices=["uniform", "erk", "global"], default=["uniform"])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--training", action="store_true", help="steps of training of CIFAR's networks instead")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--threads", type=int, default=cores, help="everybody's (default: all %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="turns of everybody (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=1, help="of each time, in each round (default: %(default)s)")
    parser.add_argument("--time-limit", type=float, default=300, help="seconds of a turn (default: %(default)s)")
    parser.add_argument("--memory-limit", type=float, default=16, help="GiB (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", default=".cache/peers-networks.json", help="default: %(default)s")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    options = parser.parse_args()
    if not 1 <= options.threads <= cores:
        parser.error(f"--threads must be from 1 to {cores}, the cores there are")
    if options.training:
        options.networks = [network for network in options.networks if network.endswith("-cifar")]
    if not all(0 < density <= 1 for density in options.densities):
        parser.error("--densities lie above 0 and are at most 1")
    if min(*options.batch_sizes, options.rounds) < 1 or not options.seconds > 0:
        parser.error("--batch-sizes and --rounds must be at least 1, --seconds above 0")
    if not os.access(options.ntt, os.X_OK):
        parser.error(f"{options.ntt} is missing; build it, or name it with --ntt")
    return options


class Case:
    """One network at one density and kind of masks: ms[who][batch size] gets a median for each round."""

    def __init__(self, network, density, masks, options):
        self.options, self.ms, self.failures, self.versions = options, {}, {}, {}
        self.name = {"network": network, "density": density, "masks": masks}

    def run(self, folder):
        self.prepare(folder)
        for _ in range(self.options.rounds):
            self.take_ours(folder)
            for peer in self.options.peers:
                if PEERS[peer][0] not in self.failures:
                    self.take_peer(peer, folder)

    def prepare(self, folder):
        python = Path(".cache") / "peers" / "bin" / "python"
        export = [python, HERE / "network_export.py", "--folder", folder]
        for key, value in self.name.items():
            export += [f"--{key}", str(value)]
        run = [self.options.ntt, "run", "--network", folder / "network.onnx", "--inputs", folder / "inputs.npy"]
        for command in (
            [*export, "--batch-size", str(max(self.options.batch_sizes))],
            [*run, "--out", folder / "expected.npy", "--execution", "sparse"],
        ):
            subprocess.run(
                command,
                env=environment(self.options.threads),
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def take_ours(self, folder):
        for row in self.bench("--network", folder / "network.onnx"):
            self.add("ntt sparse", row["batch_size"], row["sparse_ms"])
            self.add("ntt dense", row["batch_size"], row["dense_ms"])

    def bench(self, *what):
        """The rows that ntt bench sparse prints."""
        command = [self.options.ntt, "bench", "sparse", "--json", *what]
        command += ["--batch-sizes", ",".join(map(str, self.options.batch_sizes))]
        command += ["--seconds", str(self.options.seconds), "--threads", str(self.options.threads)]
        with tempfile.TemporaryFile() as output:
            reason, _ = supervise(command, self.options, stdout=output, stderr=subprocess.DEVNULL)
            output.seek(0)
            if reason:
                sys.exit(f"ntt bench sparse: {reason}")
            return json.load(output)["rows"]

    def take_peer(self, peer, folder):
        title, home = (PEERS | TRAINING)[peer]
        out, log_path = folder / "result.json", folder / "log.txt"
        out.unlink(missing_ok=True)
        command = [Path(".cache") / home / "bin" / "python", HERE / "network_peer.py", "--peer", peer]
        command += ["--folder", folder, "--out", out, "--seconds", str(self.options.seconds)]
        command += ["--threads", str(self.options.threads), "--batch-sizes", *map(str, self.options.batch_sizes)]
        try:
            with open(log_path, "wb") as output:
                reason, _ = supervise(command, self.options, stdout=output, stderr=output)
        except OSError as error:
            reason = error.strerror
        if reason:
            lines = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""]
            self.failures[title] = f"{reason}: {lines[-1].strip()[:160]}"
            return
        found = json.loads(out.read_text(encoding="utf-8"))
        self.versions[title] = found["version"]
        for record in found["records"]:
            if "failure" in record:
                self.failures[title] = f"batch {record['batch_size']}: {record['failure']}"
            else:
                self.add(title, record["batch_size"], record["ms"])

    def add(self, who, batch, ms):
        self.ms.setdefault(who, {}).setdefault(batch, []).append(ms)

    def rows(self):
        for batch in self.options.batch_sizes:
            ms = {who: statistics.median(times[batch]) for who, times in self.ms.items() if batch in times}
            spread = max(self.ms["ntt sparse"][batch]) / min(self.ms["ntt sparse"][batch])
            yield {**self.name, "batch_size": batch, "ms": ms, "spread": spread}


class TrainingCase(Case):
    """Steps of training with Adam: ours on the built-in model of the same shapes, PyTorch's with masks."""

    def run(self, folder):
        self.prepare(folder)
        for _ in range(self.options.rounds):
            self.take_ours(folder)
            self.take_peer("pytorch-training", folder)

    def take_ours(self, folder):
        model = self.name["network"].removesuffix("-cifar")
        for row in self.bench("--model", model, "--densities", str(self.name["density"])):
            self.add("ntt sparse", row["batch_size"], row["training"]["sparse_ms"])
            self.add("ntt dense", row["batch_size"], row["training"]["dense_ms"])


def show(network, figures, report, markdown):
    """A row for each density, kind of masks and batch size: our time, and each other's with its ratio to ours."""
    rows = figures["rows"]
    others = [who for who in dict.fromkeys(who for row in rows for who in row["ms"]) if who != "ntt sparse"]
    header = ["masks", "density", "batch", "ntt sparse, ms"] + [cell for who in others for cell in (f"{who}, ms", "ratio")]
    lines = []
    for row in rows:
        ours = row["ms"]["ntt sparse"]
        cells = [row["masks"], f"{row['density']:g}", str(row["batch_size"]), f"{ours:.2f}"]
        for who in others:
            known = who in row["ms"]
            cells += [f"{row['ms'][who]:.2f}", f"{row['ms'][who] / ours:.2f}×"] if known else [tables.NONE] * 2
        lines.append(cells)
    print(f"\n{'### ' if markdown else ''}{network}, {report['threads']} threads, {report['processor']}\n")
    tables.print_table(header, lines, markdown, text_columns=1)
    for who, why in figures["failures"].items():
        print(f"\n{who}: {why}.")
    worst = max(row["spread"] for row in rows)
    if worst > tables.QUIET:
        print(f"\nNot a quiet machine: our rounds differ up to {worst:.1f} times.")


def main():
    options = read_options()
    report = reporting.header(options)
    reporting.warn_of_load()

    def measure(folder):
        for network in options.networks:
            figures = report["models"].setdefault(network, {"rows": [], "failures": {}, "versions": {}})
            for masks in options.masks:
                for density in options.densities:
                    case = (TrainingCase if options.training else Case)(network, density, masks, options)
                    case.run(folder)
                    figures["rows"] += case.rows()
                    figures["failures"].update(case.failures)
                    figures["versions"].update(case.versions)
                    reporting.save(options.json, report)
                    log(f"{network}, {masks} masks, density {density:g}: done")

    return reporting.run(measure, show, report, options)


if __name__ == "__main__":
    sys.exit(main())
