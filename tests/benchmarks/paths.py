# SPDX-License-Identifier: BSD-3-Clause
# tests/bench --paths: how many paths a second the path plugins give, and the simulator.

import pathlib
import re
import statistics
import subprocess
import tempfile

from tests.benchmarks.errors import BenchError

# What tests/benchmarks/paths.c measures, by its key.
TEXTS = {
    "weighted_table": "path.weighted, choose_path through its table",
    "weighted_daemon": "path.weighted, asked and checked by the daemon",
    "weighted_guarded": "the same with guards to choose from and relays that the user bars",
    "uniform_daemon": "path.uniform, drawn and checked by the daemon",
    "uniform_guarded": "the same with guards to choose from and relays that the user bars",
    "uniform_new": "path.uniform, when the tables are made anew for each path",
}
# What cepa-sim says of a run over the same relays.
SIMULATED = {
    "simulator_cpu": "cepa-sim with path.weighted, for each second of CPU time",
    "simulator": "the same on all processors, in a second",
}
SIMULATED_PATHS = 2000000
SIMULATED_SPEED = re.compile(r"draws in [0-9.]+ s: (\d+) a second, (\d+) a second of CPU time")
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


def run(command):
    """What a program of the build folder says, on its output and on standard error."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except FileNotFoundError as error:
        raise BenchError(f"{command[0]} is not there.", "--cepad must be of a whole build folder.") from error
    if result.returncode != 0:
        raise BenchError(f"{command[0]} failed with status {result.returncode}: {result.stderr.strip()}")
    return result.stdout, result.stderr


def parse_simulator(said):
    found = SIMULATED_SPEED.search(said)
    if found is None:
        raise BenchError(f"cepa-sim does not say how fast it was, but: {said.strip()}")
    return {"simulator": float(found.group(1)), "simulator_cpu": float(found.group(2))}


def measure(build, seconds=SECONDS, paths=SIMULATED_PATHS):
    """Runs the programs of a build folder; `seconds` of CPU for each figure of the plugins."""
    with tempfile.TemporaryDirectory(prefix="cepa-bench-") as name:
        folder = pathlib.Path(name)
        figures = parse(run([build / "tests/benchmarks/paths", build / "plugins/path", str(seconds), folder])[0])
        figures.update(parse_simulator(run([build / "sdk/sim/cepa-sim", "paths", "--unchecked", "--quiet", "--paths",
                                            str(paths), folder])[1]))
    return figures


def medians(runs):
    return {key: statistics.median(figures[key] for figures in runs) for key in (*TEXTS, *SIMULATED)}


def format_lines(figures):
    texts = {**TEXTS, **SIMULATED}
    width = max(len(text) for text in texts.values())
    return [f"{text.ljust(width)}  {figures[key]:>12,.0f} paths/s" for key, text in texts.items()]
