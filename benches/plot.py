#!/usr/bin/env python3
"""Draws the plots of RESULTS.md as SVG.

usage: benches/plot.py ratios PEERS.json      ratio of each program to the base, by runtime
       benches/plot.py scaling                cost of benches/scaling against input size

`ratios` reads what a comparison of runtimes wrote: `ratios`, for each program the ratio of each
runtime's CPU time to that of the base, and `geometric_mean`, the same over all programs. `scaling` counts instructions with valgrind for n, 2n, 4n and 8n and needs a release
build. Both write into benches/plots/. Only Python's own library is used.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLOTS = HERE / "plots"
BIN = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")) / "release"
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f"]
SMALLEST = 4000
# Runtimes that also translate programs to machine code, for orientation.
WITH_JIT = {"luajit", "node"}


class Svg:
    """Elements of a picture with a white ground and one font."""

    def __init__(self, width, height, title):
        self.size = (width, height)
        self.parts = []
        self.text(width / 2, 24, title, anchor="middle", size=16, weight="bold")

    def text(self, x, y, text, anchor="start", size=12, weight="normal", colour="#222"):
        text = str(text).replace("&", "&amp;").replace("<", "&lt;")
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'font-weight="{weight}" fill="{colour}">{text}</text>')

    def line(self, x1, y1, x2, y2, colour="#ccc", width=1, dash=""):
        dash = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'stroke="{colour}" stroke-width="{width}"{dash}/>')

    def bar(self, x, y, width, height, colour):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
                          f'height="{height:.1f}" fill="{colour}"/>')

    def path(self, points, colour):
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" '
                          'stroke-width="2"/>')
        for x, y in points:
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')

    def write(self, name):
        width, height = self.size
        PLOTS.mkdir(exist_ok=True)
        body = "\n".join(self.parts)
        (PLOTS / name).write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif">\n'
            f'<rect width="{width}" height="{height}" fill="white"/>\n{body}\n</svg>\n')
        print(PLOTS / name)


def ratios(rows, runtimes, base):
    """Bars of `rows`, a dictionary from program to ratios by runtime, on a logarithmic axis."""
    left, top, right, gap, bar = 130, 60, 60, 10, 11
    group = bar * len(runtimes) + gap
    height = top + group * len(rows) + 50
    plot = Svg(860, height, f"CPU time as a ratio to {base} (shorter is faster)")
    low, high = math.log2(1 / 16), math.log2(16)
    at = lambda ratio: left + (860 - left - right) * (
        (min(max(math.log2(ratio), low), high) - low) / (high - low))
    for power in range(-4, 5):
        x = at(2.0 ** power)
        plot.line(x, top - 8, x, height - 40, "#333" if power == 0 else "#ddd")
        plot.text(x, height - 24, f"{2.0 ** power:g}", anchor="middle", size=11)
    x = left
    for number, runtime in enumerate(runtimes):
        plot.bar(x, 34, 12, 12, COLOURS[number % len(COLOURS)])
        label = runtime + " [JIT]" * (runtime in WITH_JIT)
        plot.text(x + 16, 44, label, size=11)
        x += 32 + 7 * len(label)
    for row, (program, values) in enumerate(rows.items()):
        y = top + row * group
        plot.text(left - 8, y + group / 2, program, anchor="end")
        for number, runtime in enumerate(runtimes):
            ratio = values.get(runtime)
            if not ratio:
                continue
            start, end = sorted((at(1), at(ratio)))
            colour = COLOURS[number % len(COLOURS)]
            plot.bar(start, y + number * bar, max(end - start, 1), bar - 2, colour)
            plot.text(at(ratio) + (3 if ratio >= 1 else -3), y + number * bar + bar - 3,
                      f"{ratio:.2f}", anchor="start" if ratio >= 1 else "end", size=9)
    plot.write("ratios.svg")


def count(source, folder, size):
    """Instructions that the machine executes for a program with this argument."""
    image = Path(folder) / (source.stem + ".gir")
    if not image.exists():
        subprocess.run([BIN / "gene-compile", source, "-o", image], check=True)
    run = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         BIN / "gene-vm", image, str(size)], capture_output=True, text=True, check=True)
    line = next(line for line in run.stderr.splitlines() if "Collected" in line)
    return int(line.split()[-1])


def scaling():
    """Instructions per unit of input, for n, 2n, 4n, 8n: level lines are linear cost."""
    sizes = [SMALLEST * factor for factor in (1, 2, 4, 8)]
    costs = {}
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted((HERE / "scaling").glob("*.gene")):
            idle = count(source, folder, 1)
            costs[source.stem] = [(count(source, folder, size) - idle) / size for size in sizes]
            shown = "  ".join(f"{cost:9.1f}" for cost in costs[source.stem])
            print(f"{source.stem:12} {shown}  instructions per unit")
    left, top, width, height = 80, 50, 760, 440
    plot = Svg(width, height, "Instructions per unit of input (level: linear cost)")
    most = math.ceil(math.log10(max(max(line) for line in costs.values())))
    least = math.floor(math.log10(min(min(line) for line in costs.values())))
    x_at = lambda number: left + (width - left - 150) * number / (len(sizes) - 1)
    y_at = lambda cost: height - 50 - (height - 50 - top) * (
        (math.log10(cost) - least) / (most - least))
    for power in range(least, most + 1):
        plot.line(left, y_at(10 ** power), width - 150, y_at(10 ** power))
        plot.text(left - 8, y_at(10 ** power) + 4, f"{10 ** power:,}", anchor="end", size=11)
    for number, size in enumerate(sizes):
        plot.text(x_at(number), height - 30, f"n = {size:,}", anchor="middle", size=11)
    labels = sorted(costs, key=lambda name: -costs[name][-1])
    last = -1e9
    for number, name in enumerate(labels):
        colour = COLOURS[number % len(COLOURS)]
        plot.path([(x_at(at), y_at(cost)) for at, cost in enumerate(costs[name])], colour)
        last = max(y_at(costs[name][-1]) + 4, last + 14)
        plot.text(x_at(len(sizes) - 1) + 10, last, name, colour=colour)
    plot.write("scaling.svg")


def main():
    match sys.argv[1:]:
        case ["ratios", file]:
            measured = json.loads(Path(file).read_text())
            base, rows, runtimes = ratios_of(measured)
            ratios(rows, runtimes, base)
        case ["scaling"]:
            scaling()
        case _:
            sys.exit(__doc__)


def ratios_of(measured):
    """The base, ratios of CPU minima by program and runtime, and the runtimes, fastest first."""
    means = measured["geometric_mean"]
    runtimes = sorted((name for name in means if means[name]), key=means.get)
    base = next(name for name in runtimes if abs(means[name] - 1) < 1e-9)
    rows = dict(measured["ratios"])
    rows["geometric mean"] = means
    return base, rows, [name for name in runtimes if name != base]


if __name__ == "__main__":
    main()
