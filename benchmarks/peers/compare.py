"""Times one Neural Tangent Transfer step of each peer and of ntt in turn, and prints the ratios."""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

# The reference is worked out here, in NumPy: one thread is enough and cannot spin against another program's.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import ours
import problem as p
import reporting
import tables
from processes import environment, supervise
from reporting import log

HERE = Path(__file__).resolve().parent
NTK_IMPLEMENTATIONS = ["jacobian contraction", "NTK-vector products", "structured derivatives", "auto"]
TITLES = {"jax": "neural-tangents (JAX)", "torch": "torch.func (PyTorch)"}
MODULES = {"jax": "peer_jax", "torch": "peer_torch"}
# Of each list of ways to run a variant the fastest is reported; all are in the JSON file. No peer has a sketch: theirs
# is the exact kernel of the outputs projected on the probes.
VARIANTS = {
    ("jax", "exact"): [[f"{name}, vmap", f"{name}, batch"] for name in NTK_IMPLEMENTATIONS],
    ("jax", "sketch"): [[f"{name}, vmap"] for name in NTK_IMPLEMENTATIONS],
    ("torch", "exact"): [["jacobian contraction"], ["NTK-vector products"]],
    ("torch", "sketch"): [["jacobian contraction"]],
}
# Peers must also agree with one another after updates; Adam's first steps magnify rounding, hence the looser bound.
UPDATED_TOLERANCE = 1e-3
RESNET_PEERS = ["torch"]


def read_options():
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__)
    parser.add_argument("--ntt", default="build/release/bin/ntt", help="our program (default: %(default)s)")
    parser.add_argument("--models", nargs="+", choices=p.MODELS, default=list(p.MODELS))
    parser.add_argument("--kernels", nargs="+", choices=["exact", "sketch"], default=["exact", "sketch"])
    parser.add_argument("--peers", nargs="+", choices=TITLES, default=list(TITLES))
    parser.add_argument(
        "--execution", choices=["auto", "sparse", "dense"], default="auto", help="ours: of the student's products"
    )
    parser.add_argument("--threads", type=int, default=cores, help="everybody's (default: all %(default)s)")
    parser.add_argument("--seconds", type=float, default=60, help="timed seconds a variant at most (default: 60)")
    parser.add_argument("--min-steps", type=int, default=3, help="timed steps a variant at least (default: 3)")
    parser.add_argument("--time-limit", type=float, default=240, help="seconds a variant, compiling too (default: 240)")
    parser.add_argument(
        "--memory-limit", type=float, default=0.75 * memory, help="GiB resident a variant (default: three quarters)"
    )
    parser.add_argument("--quick", action="store_true", help="one timed step a variant: does it all run and agree?")
    parser.add_argument("--json", metavar="FILE", help="write every figure here")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    options = parser.parse_args()
    if not 1 <= options.threads <= cores:
        parser.error(f"--threads must be from 1 to {cores}, the cores there are")
    for name in ("seconds", "time_limit", "memory_limit"):
        if not getattr(options, name) > 0:
            parser.error(f"--{name.replace('_', '-')} must be above 0")
    if options.min_steps < 1:
        parser.error("--min-steps must be at least 1")
    if options.json and not os.access(Path(options.json).absolute().parent, os.W_OK):
        parser.error(f"--json {options.json}: its folder is missing or cannot be written to")
    if options.quick:
        options.seconds, options.min_steps = 0.1, 1
    return options


def run_variant(peer, model, probes, variant, options, folder):
    """One variant in its own process; the worker's record, with `failure` set when there is no time."""
    out, log_path = folder / "result.json", folder / "log.txt"
    out.unlink(missing_ok=True)
    command = [sys.executable, HERE / f"{MODULES[peer]}.py", "--model", model, "--variant", variant, "--out", out]
    command += ["--probes", str(probes), "--threads", str(options.threads), "--seconds", str(options.seconds)]
    command += ["--min-steps", str(options.min_steps), "--reference", folder / f"reference-{probes}.json"]
    with open(log_path, "wb") as output:
        reason, peak = supervise(command, options, stdout=output, stderr=output)
    record = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    if reason and reason.startswith("failed"):
        lines = log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        causes = [line for line in lines if "Error" in line] or [line for line in lines if line.strip()]
        reason += ": " + (causes[-1].strip()[:160] if causes else "no message")
    if reason and not ("ms_per_step" in record and reason.startswith("over time")):
        record.pop("ms_per_step", None)
        record["failure"] = reason
    identity = {"peer": TITLES[peer], "kernel": p.kernel_name(probes), "variant": variant}
    return identity | record | {"peak_gib": peak}


def fastest(records):
    """The record with the least time, or the first failure when none has a time."""
    timed = [record for record in records if "ms_per_step" in record]
    return min(timed, key=lambda record: record["ms_per_step"]) if timed else records[0]


def check_agreement(records, expected):
    """Fails records whose losses after updates differ from the expected ones; returns those, or the first found."""
    for record in (r for r in records if "ms_per_step" in r):
        expected = expected or record["losses"]
        if any(not abs(a - b) <= UPDATED_TOLERANCE * abs(b) for a, b in zip(record["losses"], expected)):
            record["failure"] = f"losses after updates {record['losses']} differ from {expected}"
            del record["ms_per_step"]
    return expected


class Comparison:
    """One model: `figures` gets ours before and after each group of peers, and every peer variant between."""

    def __init__(self, model, options, folder):
        self.model, self.options, self.folder = model, options, folder
        self.probes = [k for k in p.KERNELS[model] if p.kernel_name(k).split()[0] in options.kernels]
        self.figures = {"ours": {p.kernel_name(k): [] for k in self.probes}, "all": [], "rows": []}

    def prepare(self):
        """Works out the reference, writes it where workers read it, and holds our kernels against it."""
        import reference

        problem = reference.Problem(self.model)
        found, student, teacher = reference.references(problem)
        self.figures["reference"] = {p.kernel_name(k): found[k] for k in self.probes}
        for probes in self.probes:
            path = self.folder / f"reference-{probes}.json"
            path.write_text(json.dumps(found[probes]), encoding="utf-8")
            log(f"{self.model} {p.kernel_name(probes)}: reference loss {found[probes]['loss']:.7g}")
        if os.access(self.options.ntt, os.X_OK):
            wrong = ours.check_kernels(problem, student, teacher, self.options, self.folder)
            self.figures["our_kernels"] = wrong or "agree with the reference"
            log(f"  ntt's kernels of student and teacher: {self.figures['our_kernels']}")

    def time_ours(self):
        for probes in self.probes:
            name = p.kernel_name(probes)
            record, reason = ours.time_step(self.model, probes, self.options)
            if record:
                self.figures["ours"][name].append(record)
            log(f"  ntt {name}: " + (f"{record['ms_per_step']:.2f} ms" if record else f"no time: {reason}"))

    def run(self, peers):
        self.time_ours()
        for probes in self.probes:
            expected = None
            for peer in peers:
                expected = self.run_group(peer, probes, expected)

    def run_group(self, peer, probes, expected):
        """One peer's variants of one kernel, and our time after them; the losses that later groups must find."""
        rows = []
        for variants in VARIANTS[peer, p.kernel_name(probes).split()[0]]:
            records = []
            for variant in variants:
                records.append(run_variant(peer, self.model, probes, variant, self.options, self.folder))
                expected = check_agreement(records[-1:], expected)
                record = records[-1]
                value = f"{record['ms_per_step']:.2f} ms" if "ms_per_step" in record else record["failure"]
                log(f"  {record['peer']} {record['kernel']}, {variant}: {value}")
            self.figures["all"] += records
            rows.append(fastest(records))
        self.figures["rows"] += rows
        self.time_ours()
        for row in (row for row in rows if "ms_per_step" in row):
            beside = {name: times[-2:] for name, times in self.figures["ours"].items() if times}
            if probes:
                # Nobody would compare a sketch with our exact kernel.
                beside = {name: times for name, times in beside.items() if name == p.kernel_name(probes)}
            row["ratios"] = {
                name: row["ms_per_step"] / statistics.mean(time["ms_per_step"] for time in times)
                for name, times in beside.items()
            }
        return expected


def installed(peer):
    """Whether the peer can be imported; says so in one line when it cannot."""
    command = [sys.executable, "-c", f"import {MODULES[peer]}"]
    result = subprocess.run(command, cwd=HERE, env=environment(1), capture_output=True, text=True, check=False)
    if result.returncode:
        cause = (result.stderr.strip().splitlines() or [f"exit {result.returncode}"])[-1]
        log(f"{TITLES[peer]} is left out, it cannot be imported: {cause}")
    return result.returncode == 0


def main():
    options = read_options()
    report = reporting.header(options, quick=options.quick, batch_size=p.BATCH)
    if not os.access(options.ntt, os.X_OK):
        log(f"{options.ntt} is missing (build it, or name it with --ntt): our times are shown as {tables.NONE}")
    reporting.warn_of_load()

    def measure(folder):
        peers = [peer for peer in options.peers if installed(peer)]
        for model in options.models:
            comparison = Comparison(model, options, folder)
            report["models"][model] = comparison.figures
            if importlib.util.find_spec("numpy"):
                comparison.prepare()
            comparison.run([peer for peer in peers if model not in p.RESNETS or peer in RESNET_PEERS])
            reporting.save(options.json, report)

    return reporting.run(measure, tables.show, report, options)


if __name__ == "__main__":
    sys.exit(main())
