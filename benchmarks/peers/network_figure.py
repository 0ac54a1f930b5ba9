#!/usr/bin/env python3
"""Draws how much faster than ONNX Runtime everybody runs a network, against density, from what networks.sh found.

usage: benchmarks/peers/network_figure.py .cache/peers-networks.json resnet-50 docs/images/resnet-50-speedup.svg

Needs Python's standard library and gnuplot.
"""

import json
import subprocess
import sys
from pathlib import Path

BASE = "ONNX Runtime"
COLOURS = {
    "ntt sparse": "#0072b2",
    "DeepSparse": "#d55e00",
    "OpenVINO": "#009e73",
    "PyTorch": "#cc79a7",
    "ntt dense": "#999999",
}
HEAD = """
set terminal svg size 860,420 font "sans-serif,13" background "white"
set multiplot layout 1,2
set logscale xy
set xrange [{least}:{most}]
set yrange [{low}:{high}]
set xlabel "density of each layer"
set ylabel "time of ONNX Runtime / time"
set xtics ({ticks})
set ytics (0.25, 0.5, 1, 2, 4, 8, 16, 32)
set grid ytics lc rgb "#dddddd"
set key below samplen 2
"""


def speed_ups(rows, batch):
    """{who: [(density, time of the base / time)]}."""
    found = {}
    for row in rows:
        if row["batch_size"] == batch and row["masks"] == "uniform" and BASE in row["ms"]:
            for who, ms in row["ms"].items():
                found.setdefault(who, []).append((row["density"], row["ms"][BASE] / ms))
    return {who: sorted(points) for who, points in found.items() if who in COLOURS}


def panel(batch, lines):
    """gnuplot's commands of one batch size, its data among them."""
    data = "".join(
        f"$d{batch}_{i} << EOD\n" + "".join(f"{x} {y}\n" for x, y in lines[who]) + "EOD\n" for i, who in enumerate(lines)
    )
    plots = ", ".join(
        f'$d{batch}_{i} with linespoints lw 2 pt 7 ps 0.5 lc rgb "{COLOURS[who]}" title "{who}"'
        for i, who in enumerate(lines)
    )
    return f'{data}set title "batch {batch}"\nplot {plots}\n'


def main():
    source, network, target = sys.argv[1:]
    rows = json.loads(Path(source).read_text(encoding="utf-8"))["models"][network]["rows"]
    panels = {batch: speed_ups(rows, batch) for batch in sorted({row["batch_size"] for row in rows})}
    points = [point for lines in panels.values() for line in lines.values() for point in line]
    densities = sorted({x for x, _ in points})
    script = HEAD.format(
        least=densities[0] / 1.2,
        most=densities[-1] * 1.2,
        low=min(y for _, y in points) / 1.2,
        high=max(y for _, y in points) * 1.2,
        ticks=", ".join(f"{x:g}" for x in densities),
    )
    script += "".join(panel(batch, lines) for batch, lines in panels.items())
    svg = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, check=True).stdout
    Path(target).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
