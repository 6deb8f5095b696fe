#!/usr/bin/env python3
"""Measures what it costs to check whole images of growing size.

usage: benches/verification.py [LARGEST]      largest image in megabytes, 50 if not given

Makes programs whose images have 10 KB to LARGEST MB, counts the instructions of `gene-dump
verify` and of `gene-vm --verify=eager` with valgrind, without those of the smallest image, and
prints a table for RESULTS.md; draws plots/verification.svg. Level lines are linear cost. Fails if
a byte of the largest image costs over a quarter more than one of those from 100 KB. Needs a release
build. Only Python's own library is used.
"""

import math
import subprocess
import sys
import tempfile
from pathlib import Path

from plot import BIN, COLOURS, Svg

SIZES = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 20_000_000,
         50_000_000]
CHECKS = {
    "gene-dump verify": ["gene-dump", "verify"],
    "gene-vm --verify=eager": ["gene-vm", "--verify=eager"],
}


def program(functions):
    """A program with branches, loops, calls, handlers, closures, strings and constants."""
    parts = []
    for at in range(functions):
        parts.append(f"""
(fn work{at} [items limit ^step = {at}]
  (var total 0)
  (for item in items
    (if (item > limit) (total += (item * {at + 7})) else (total -= step)))
  (try (if (total > {at * 13}) (throw "beyond {at}"))
  catch * (total = {at}))
  (items .map (fn [x] (x + total + {at}.5))))
""")
    parts.append("(println (work0 [1 2 3] 2))\n")
    return "".join(parts)


def make(folder, functions):
    source, image = folder / "big.gene", folder / f"big{functions}.gir"
    source.write_text(program(functions))
    subprocess.run([BIN / "gene-compile", source, "-o", image], check=True)
    return image


def count(command):
    """Instructions that a command executes."""
    run = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command],
        capture_output=True, text=True, check=True)
    line = next(line for line in run.stderr.splitlines() if "Collected" in line)
    return int(line.split()[-1])


def measure(largest):
    """Bytes of each image, and by check the instructions."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large = (make(folder, n).stat().st_size for n in (20, 220))
        per_function = (large - small) / 200
        for size in [size for size in SIZES if size <= largest * 1_000_000]:
            image = make(folder, max(1, round(size / per_function)))
            counts = {check: count([BIN / program, *args, image])
                      for check, (program, *args) in CHECKS.items()}
            rows.append((image.stat().st_size, counts))
            shown = "  ".join(f"{check} {number:,}" for check, number in counts.items())
            print(f"{rows[-1][0]:>12,} bytes  {shown}", file=sys.stderr)
            image.unlink()
    return rows


def costs(rows, check):
    """(bytes, instructions per byte) of all images but the smallest, whose cost is taken off."""
    base, idle = rows[0][0], rows[0][1][check]
    return [(size, (counts[check] - idle) / (size - base)) for size, counts in rows[1:]]


def draw(rows):
    left, top, width, height = 70, 50, 760, 380
    plot = Svg(width, height, "Checking whole images: instructions per byte (level: linear)")
    lines = {check: costs(rows, check) for check in CHECKS}
    most = max(cost for line in lines.values() for _, cost in line) * 1.15
    low, high = (math.log10(lines["gene-dump verify"][at][0]) for at in (0, -1))
    x_at = lambda size: left + (width - left - 190) * (math.log10(size) - low) / (high - low)
    y_at = lambda cost: height - 50 - (height - 50 - top) * cost / most
    for cost in range(0, math.ceil(most), max(1, round(most / 6))):
        plot.line(left, y_at(cost), width - 190, y_at(cost))
        plot.text(left - 8, y_at(cost) + 4, cost, anchor="end", size=11)
    for size, _ in lines["gene-dump verify"]:
        label = f"{size / 1e6:.0f} MB" if size >= 950_000 else f"{size / 1e3:.0f} KB"
        plot.text(x_at(size), height - 30, label, anchor="middle", size=11)
    last = -1e9
    for number, check in enumerate(sorted(lines, key=lambda name: -lines[name][-1][1])):
        colour = COLOURS[number]
        plot.path([(x_at(size), y_at(cost)) for size, cost in lines[check]], colour)
        last = max(y_at(lines[check][-1][1]) + 4, last + 14)
        plot.text(width - 180, last, check, colour=colour)
    plot.write("verification.svg")


def main():
    try:
        (largest,) = [float(text) for text in sys.argv[1:]] or [50.0]
    except ValueError:
        sys.exit(__doc__)
    rows = measure(largest)
    print("| image, bytes | " + " | ".join(f"`{check}`, instructions" for check in CHECKS)
          + " | a byte |")
    print("|---:|" + "---:|" * (len(CHECKS) + 1))
    for at, (size, counts) in enumerate(rows):
        numbers = " | ".join(f"{counts[check]:,}" for check in CHECKS)
        per_byte = ", ".join(f"{costs(rows, check)[at - 1][1]:.1f}" for check in CHECKS)
        print(f"| {size:,} | {numbers} | {per_byte if at else ''} |")
    draw(rows)
    for check in CHECKS:
        line = costs(rows, check)
        usual = max(cost for size, cost in line if 90_000 <= size <= 1_100_000)
        if line[-1][1] > usual * 1.25:
            sys.exit(f"{check} is not linear: {line[-1][1]:.1f} instructions for a byte of the "
                     f"largest image, {usual:.1f} for one of 100 KB to 1 MB")


if __name__ == "__main__":
    main()
