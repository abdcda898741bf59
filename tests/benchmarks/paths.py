# SPDX-License-Identifier: BSD-3-Clause
# tests/bench --paths: how many paths a second the path plugins give.

import statistics
import subprocess

from tests.benchmarks.errors import BenchError

# What tests/benchmarks/paths.c measures, by its key.
TEXTS = {
    "weighted_table": "path.weighted, choose_path through its table",
    "weighted_daemon": "path.weighted, asked and checked by the daemon",
    "uniform_daemon": "path.uniform, drawn and checked by the daemon",
    "uniform_new": "the same when the tables are made anew for each path",
}
SECONDS = 2
TIMEOUT_SECONDS = 120


def parse(output):
    """A dict from key to paths a second, of what the program prints."""
    figures = {}
    for line in output.splitlines():
        key, value = line.split()
        figures[key] = float(value)
    if set(figures) != set(TEXTS):
        raise BenchError(f"tests/benchmarks/paths gave {sorted(figures)} rather than {sorted(TEXTS)}.")
    return figures


def measure(build, seconds=SECONDS):
    """Runs the program of a build folder; `seconds` of CPU for each figure."""
    program = build / "tests/benchmarks/paths"
    try:
        result = subprocess.run([program, build / "plugins/path", str(seconds)], capture_output=True, text=True,
                                timeout=TIMEOUT_SECONDS, check=False)
    except FileNotFoundError as error:
        raise BenchError(f"{program} is not there.", "--cepad must be of a whole build folder.") from error
    if result.returncode != 0:
        raise BenchError(f"{program} failed with status {result.returncode}: {result.stderr.strip()}")
    return parse(result.stdout)


def medians(runs):
    return {key: statistics.median(run[key] for run in runs) for key in TEXTS}


def format_lines(figures):
    width = max(len(text) for text in TEXTS.values())
    return [f"{text.ljust(width)}  {figures[key]:>12,.0f} paths/s" for key, text in TEXTS.items()]
