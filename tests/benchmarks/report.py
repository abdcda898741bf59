# SPDX-License-Identifier: BSD-3-Clause
# What tests/bench found: as a table for people, as JSON, and as the table in docs/performance.md.

import json
import os
import pathlib
import platform
import re

from tests.benchmarks.errors import BenchError

BEGIN_MARK = "<!-- written by tests/bench --write-docs: begin -->"
END_MARK = "<!-- written by tests/bench --write-docs: end -->"


def format_value(row, value):
    return f"{value:.{row.figure.digits}f}"


def format_ratio(row):
    return "–" if row.ratio is None else f"{row.ratio:.2f}"


def table_cells(rows, names):
    """The table as lists of texts, its header first."""
    ours, theirs = names
    cells = [["figure", "", ours, theirs, "ratio", f"{ours}, each run", f"{theirs}, each run"]]
    for row in rows:
        cells.append([row.figure.text, row.figure.unit, format_value(row, row.our_median),
                      format_value(row, row.their_median), format_ratio(row),
                      " ".join(format_value(row, value) for value in row.ours),
                      " ".join(format_value(row, value) for value in row.theirs)])
    return cells


def format_table(rows, names):
    """The table for a terminal, as lines."""
    cells = table_cells(rows, names)
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = []
    for line in cells:
        padded = [text.rjust(width) if 2 <= column <= 4 else text.ljust(width)
                  for column, (text, width) in enumerate(zip(line, widths))]
        lines.append("  ".join(padded).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


def format_markdown(rows, names, facts):
    """The same for docs/performance.md, with what it was measured by and on."""
    header, *body = table_cells(rows, names)
    lines = [f"    {facts['command']}", ""]
    lines += [f"- {name}: {text}" for name, text in facts["versions"].items()]
    lines += [f"- machine: {facts['machine']}", "",
              "| " + " | ".join([header[0], "unit", *header[2:]]) + " |",
              "|---|---|---:|---:|---:|---|---|"]
    lines += ["| " + " | ".join(line) + " |" for line in body]
    return "\n".join(lines) + "\n"


def describe_machine():
    """Model and number of the processors, and the kernel, in one line."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
        found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    except OSError:
        found = None
    model = found.group(1) if found else platform.machine()
    cores = len(os.sched_getaffinity(0))
    kernel = ".".join(platform.release().split(".")[:2])
    return f"{model}, {cores} core{'s' if cores > 1 else ''}, Linux {kernel}"


def write_json(path, rows, names, facts):
    content = {
        **facts,
        "figures": [{
            "name": row.figure.key, "text": row.figure.text, "unit": row.figure.unit,
            "sides": [{"name": name, "median": median, "runs": list(runs)}
                      for name, median, runs in zip(names, (row.our_median, row.their_median),
                                                    (row.ours, row.theirs))],
            "ratio": row.ratio,
        } for row in rows],
    }
    pathlib.Path(path).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def replace_table(text, table):
    """`text` with `table` between the two marks."""
    before, begin, rest = text.partition(BEGIN_MARK)
    _, end, after = rest.partition(END_MARK)
    if not begin or not end or BEGIN_MARK in after:
        raise BenchError(f"the lines '{BEGIN_MARK}' and '{END_MARK}' must each be there once, in this order")
    return f"{before}{begin}\n\n{table}\n{end}{after}"


def write_docs(path, rows, names, facts):
    path = pathlib.Path(path)
    try:
        text = replace_table(path.read_text(encoding="utf-8"), format_markdown(rows, names, facts))
    except BenchError as error:
        raise BenchError(f"{path}: {error}") from None
    path.write_text(text, encoding="utf-8")
