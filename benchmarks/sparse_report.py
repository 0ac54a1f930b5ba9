#!/usr/bin/env python3
"""Prints Markdown tables of what `ntt bench sparse --layers --json` found, and draws the speed-up against density.

usage: benchmarks/sparse_report.py sparse.json [--figure docs/images/sparse-speedup.svg]

Needs Python's standard library alone and, for the figure, gnuplot.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"]
WORKLOADS = {"inference": "answers", "training": "training steps"}
FIGURE = """
set terminal svg size 860,380 font "sans-serif,13" background "white"
set multiplot layout 1,2
set logscale xy
set xrange [{least}:1]
set yrange [{low}:{high}]
set xlabel "density"
set ylabel "dense time / sparse time"
set xtics ({ticks})
set grid ytics lc rgb "#dddddd"
set key top right samplen 2
{panels}
"""


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", help="what `ntt bench sparse --json` printed; - for standard input")
    parser.add_argument("--figure", metavar="SVG", help="draw the models' speed-up here")
    parser.add_argument("--batch-size", type=int, default=64, help="in tables and figure (default: %(default)s)")
    return parser.parse_args()


def models_of(record):
    return list(dict.fromkeys(row["network"] for row in record["rows"] if row["kind"] == "model"))


def print_table(header, text_columns, rows):
    print("\n| " + " | ".join(header) + " |")
    print("|" + "---|" * text_columns + "---:|" * (len(header) - text_columns))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def number(value):
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3g}"


def times_table(record, batch_sizes):
    """Answers of each of the batch sizes and steps of the largest, of the models."""
    header = ["network", "density"]
    for batch in batch_sizes:
        header += [f"answers, batch {batch}: dense ms", "sparse ms", "ratio"]
    header += [f"step, batch {batch_sizes[-1]}: dense ms", "sparse ms", "ratio", "kB in memory", "kB on disk", "read"]
    rows = []
    for model in models_of(record):
        for density in record["options"]["densities"]:
            found = {
                row["batch_size"]: row
                for row in record["rows"]
                if row["network"] == model and row["density"] == density
            }
            last = found[batch_sizes[-1]]
            timings = [found[batch]["inference"] for batch in batch_sizes] + [last["training"]]
            cells = [model, f"{density:g}"]
            for timing in timings:
                cells += [number(timing["dense_ms"]), number(timing["sparse_ms"]), f"{timing['ratio']:.2f}"]
            cells += [f"{last[key] / 1e3:.1f}" for key in ("sparse_weight_bytes", "compact_file_bytes")]
            rows.append([*cells, f"{100 * last['inference']['read_share']:.0f} %"])
    print_table(header, 1, rows)


def bounds_table(record, batch_size):
    """What bounds each network's answers, at the densities that are in the text."""
    header = ["network", "bound", "loads", "density: GMAC/s (share of the bound)"]
    rows = []
    for name in dict.fromkeys(row["network"] for row in record["rows"]):
        found = [
            row
            for row in record["rows"]
            if row["network"] == name and row["batch_size"] == batch_size and row["density"] in (1, 0.1, 0.03)
        ]
        rates = [
            f"{row['density']:g}: {row['inference']['gmacs']:.1f} ({100 * row['inference']['share_of_bound']:.0f} %)"
            for row in found
        ]
        bounds = "; ".join(dict.fromkeys(row["inference"]["bound"] for row in found))
        rows.append([name, bounds, f"{found[0]['inference']['loads_per_register_multiply_add']:.2f}", ", ".join(rates)])
    print_table(header, 2, rows)
    ceilings = record["ceilings_gmacs"]
    print(
        f"\nCeilings, GMAC/s: {ceilings['fma']:.0f} in registers, {ceilings['l1_loads']:.0f} from L1, "
        f"{ceilings['l2_loads']:.0f} from L2, {ceilings['gathers']:.1f} gathered."
    )


def break_even_table(record):
    batch_sizes = record["options"]["batch-sizes"]
    found = {(row["of"], row["workload"], row["batch_size"]): row["density"] for row in record["break_even"]}
    rows = []
    for of, workload in dict.fromkeys((of, workload) for of, workload, _ in found):
        densities = [found[of, workload, batch] for batch in batch_sizes]
        rows.append([of, WORKLOADS[workload], *("none" if d is None else f"{d:.2f}" for d in densities)])
    print_table(["break-even density", "of", *(f"batch {batch}" for batch in batch_sizes)], 2, rows)


def figure(record, batch_size):
    """The models' speed-up as a gnuplot script: answers beside training steps."""
    data, panels, ratios, densities = [], [], [1], set()
    for workload, title in WORKLOADS.items():
        lines = ['1 with lines lc rgb "#888888" dt 2 notitle']
        for model, colour in zip(models_of(record), COLOURS):
            points = sorted(
                (row["density"], row[workload]["ratio"])
                for row in record["rows"]
                if row["network"] == model and row["batch_size"] == batch_size
            )
            name = f"$d{len(data)}"
            data.append(f"{name} << END\n" + "".join(f"{d} {r}\n" for d, r in points) + "END\n")
            lines.append(f'{name} with linespoints lw 2 pt 7 ps 0.6 lc rgb "{colour}" title "{model}"')
            ratios += [ratio for _, ratio in points]
            densities |= {density for density, _ in points}
        panels.append(f'set title "{title}, batch {batch_size}, threads: {record["threads"]}"')
        panels.append("plot " + ", ".join(lines))
    ticks = ", ".join(f'"{density:g}" {density}' for density in sorted(densities))
    settings = {"least": min(densities), "low": 0.8 * min(ratios), "high": 2 * max(ratios), "ticks": ticks}
    return "".join(data) + FIGURE.format(panels="\n".join(panels), **settings)


def main():
    options = read_options()
    text = sys.stdin.read() if options.results == "-" else Path(options.results).read_text(encoding="utf-8")
    record = json.loads(text)
    if options.batch_size not in record["options"]["batch-sizes"]:
        sys.exit(f"{options.results} has no batch size {options.batch_size}; choose another --batch-size")
    print(f"{record['processor']}, threads: {record['threads']}")
    times_table(record, sorted({1, options.batch_size} & set(record["options"]["batch-sizes"])))
    break_even_table(record)
    bounds_table(record, options.batch_size)
    if options.figure:
        commands = figure(record, options.batch_size)
        drawn = subprocess.run(["gnuplot"], input=commands, text=True, stdout=subprocess.PIPE, check=True)
        Path(options.figure).write_text(drawn.stdout, encoding="utf-8")


if __name__ == "__main__":
    main()
