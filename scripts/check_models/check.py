#!/usr/bin/env python3
"""Reads standard networks, as both of PyTorch's exporters write them, and compares ntt with ONNX Runtime.

Of each file: ntt's outputs are ONNX Runtime's; ntt counts as many parameters as PyTorch; and what `ntt export` writes
of it gives the same outputs in ONNX Runtime and the same network when read again. Exits with 1 where one fails.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from large import measure_large
from measure import Failure, last_line, run
from names import NAMES
from table import print_table

HERE = Path(__file__).parent
EXPORTERS = ["older", "newer"]
OUTPUT_ERROR = 1e-4  # of the largest output
EXPORT_ERROR = 1e-5
WORTH_COMPARING = 1e7  # bytes of a file, by which the memory taken is divided
SPREAD = 1e-2  # outputs of different inputs that differ by less than this share say little
HEADER = ["network", "exporter", "MB", "nodes", "parameters", "prunable", "CPU s", "memory MB", "÷ file", "difference",
          "exported", "result"]  # fmt: skip
TEXT_COLUMNS = 2


def read_options():
    parser = argparse.ArgumentParser(prog="scripts/check_models.sh", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NETWORK", help=f"of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--ntt", default="build/release/bin/ntt", help="the program (default: %(default)s)")
    parser.add_argument("--exporter", choices=EXPORTERS, action="append", help="dynamo=False or True (default: both)")
    parser.add_argument("--defaults", action="store_true", help="export without options: batch norm is then folded "
                        "into convolutions, and parameters are not compared")  # fmt: skip
    parser.add_argument("--inputs", type=int, default=3, help="inputs of each (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and inputs (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of every program (default: %(default)s)")
    parser.add_argument("--large", type=int, metavar="MB", help="instead, time the reading of files of that size")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the files in this folder, which is made")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in NAMES]:
        parser.error(f"there is no network {unknown[0]}")
    if not shutil.which(options.ntt):
        parser.error(f"{options.ntt} is not there: make build, or name another with --ntt")
    options.names = options.names or NAMES
    options.exporter = options.exporter or EXPORTERS
    return options


def log(text):
    print(text, file=sys.stderr, flush=True)


def bytes_of(path):
    """Of a model with its external data."""
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


def answers(path, inputs, threads):
    """ONNX Runtime's outputs, with the operators as they are in the file."""
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    settings.intra_op_num_threads = threads
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: inputs})[0]


def difference(found, expected):
    """The largest, relative to the largest that is expected."""
    if found.shape != expected.shape:
        raise Failure(f"outputs are of {found.shape}, not of {expected.shape}")
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def require_small(what, error, bound):
    if not error <= bound:  # nor a NaN
        raise Failure(f"{what} differ by {error:.1e} of the largest, more than {bound:.0e}")


def compare(row, folder, inputs, parameters, start, options):
    """Fills in the row as far as it gets; Failure at the first thing that is not as it should be."""
    model = folder / "model.onnx"
    size = bytes_of(model)
    row["MB"] = f"{size / 1e6:.1f}"
    inspect = [options.ntt, "inspect", "--json", "--model"]
    read = run(*inspect, model)
    network = json.loads(read.output)
    row["nodes"] = f"{len(network['nodes']):,}"
    row["parameters"] = f"{network['total']['parameters']:,}"
    row["prunable"] = f"{network['total']['prunable']:,}"
    row["CPU s"] = f"{max(read.busy - start.busy, 0):.2f}"
    row["memory MB"] = f"{read.peak / 1e6:.0f}"
    row["÷ file"] = f"{(read.peak - start.peak) / size:.1f}" if size >= WORTH_COMPARING else "–"

    expected = answers(model, inputs, options.threads)
    if not np.abs(expected - expected[0]).max() >= SPREAD * np.abs(expected).max():
        raise Failure("all inputs have the same outputs, so that nothing can be compared")
    run(options.ntt, "run", "--threads", options.threads, "--network", model, "--inputs", folder.parent / "inputs.npy",
        "--out", folder / "outputs.npy")  # fmt: skip
    error = difference(np.load(folder / "outputs.npy"), expected)
    row["difference"] = f"{error:.1e}"
    require_small("outputs", error, OUTPUT_ERROR)
    if not options.defaults and network["total"]["parameters"] != parameters:
        raise Failure(f"PyTorch has {parameters:,} parameters")

    again = folder / "again" / "model.onnx"  # the name of the file is the network's
    again.parent.mkdir()
    run(options.ntt, "export", "--network", model, "--to", "onnx", "--out", again)
    error = difference(answers(again, inputs, options.threads), expected)
    row["exported"] = f"{error:.1e}"
    require_small("outputs of what ntt exports", error, EXPORT_ERROR)
    if json.loads(run(*inspect, again).output) != network:
        raise Failure("what ntt exports is read as another network")


def check_file(name, exporter, folder, inputs, parameters, start, options):
    row = dict.fromkeys(HEADER, "") | {"network": name, "exporter": exporter}
    try:
        failure = folder / "failure.txt"
        if failure.exists():
            raise Failure(failure.read_text())
        compare(row, folder, inputs, parameters, start, options)
        row["result"] = "as it should be"
    except Failure as failure:
        row["result"] = str(failure)
    except Exception as error:  # ONNX Runtime's have no common class
        row["result"] = last_line(str(error))
    return row


def check_network(name, folder, start, options):
    """A row for each exporter."""
    log(f"{name}: exporting")
    command = [sys.executable, HERE / "export.py", name, folder, *options.exporter]
    command += ["--inputs", options.inputs, "--seed", options.seed, "--threads", options.threads]
    command += ["--defaults"] if options.defaults else []
    export = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if export.returncode:
        row = dict.fromkeys(HEADER, "") | {"network": name, "result": last_line(export.stderr)}
        return [row | {"exporter": exporter} for exporter in options.exporter]
    inputs = np.load(folder / "inputs.npy")
    parameters = int((folder / "parameters.txt").read_text())
    rows = []
    for exporter in options.exporter:
        row = check_file(name, exporter, folder / exporter, inputs, parameters, start, options)
        log(f"{name}, {exporter} exporter: {row['result']}")
        rows.append(row)
    return rows


def check_all(folder, options):
    start = run(options.ntt, "inspect", "--json", "--model", "lenet-300-100")  # reads no file
    rows = []
    for name in options.names:
        own = folder / name
        own.mkdir(parents=True)
        rows += check_network(name, own, start, options)
        if not options.keep:
            shutil.rmtree(own)
    print_table(HEADER, [[row[column] for column in HEADER] for row in rows], TEXT_COLUMNS, options.markdown)
    failures = sum(row["result"] != "as it should be" for row in rows)
    log(f"{len(rows)} files, {failures} of them not as they should be; without a model, ntt has "
        f"{start.peak / 1e6:.0f} MB")  # fmt: skip
    return 1 if failures else 0


def main():
    options = read_options()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    with tempfile.TemporaryDirectory(prefix="ntt-models-") as temporary:
        folder = options.keep or Path(temporary)
        if options.large:
            measure_large(folder, options.large, options.ntt, options.markdown)
            return 0
        return check_all(folder, options)


sys.exit(main())
