# SPDX-License-Identifier: BSD-3-Clause
# The figures that tests/bench gives, which measurement each comes from, and what is made of several runs.

import dataclasses
import statistics

# The names that --only takes. A session (session.py) takes its measurements in this order.
MEASUREMENTS = {
    "cold": "bootstrap with an empty data directory",
    "idle": "the time after it, without any traffic",
    "download": "files over a circuit that is open already",
    "upload": "the same in the other direction",
    "warm": "bootstrap with the directory that the first one left",
    "streams": "many streams open at the same time, and a download beside them",
    "size": "the program on disk",
}


@dataclasses.dataclass(frozen=True)
class Figure:
    key: str
    text: str
    unit: str
    measurement: str
    digits: int = 2
    deep: bool = False  # taken only with --deep


FIGURES = (
    Figure("download_cpu", "CPU per GiB downloaded", "s", "download"),
    Figure("upload_cpu", "CPU per GiB uploaded", "s", "upload"),
    Figure("streams_cpu", "CPU per GiB beside {streams} streams", "s", "streams"),
    Figure("cold_seconds", "cold bootstrap", "s", "cold"),
    Figure("cold_cpu", "cold bootstrap, CPU", "ms", "cold", 0),
    Figure("warm_seconds", "warm bootstrap", "s", "warm"),
    Figure("warm_cpu", "warm bootstrap, CPU", "ms", "warm", 0),
    Figure("idle_switches", "context switches when idle", "/s", "idle"),
    Figure("idle_wakeups", "of these, wake-ups", "/s", "idle"),
    Figure("idle_cpu", "CPU when idle", "ms/s", "idle", 3),
    Figure("idle_polls", "poll and epoll calls when idle", "/s", "idle", deep=True),
    Figure("idle_syscalls", "all system calls when idle", "/s", "idle", deep=True),
    Figure("rss_idle", "memory (RSS) when idle", "MiB", "idle", 1),
    Figure("rss_after", "memory after the downloads", "MiB", "download", 1),
    Figure("rss_streams", "memory with {streams} streams", "MiB", "streams", 1),
    Figure("size", "program and plugins, stripped", "KiB", "size", 0),
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure of both sides: the values of every run, in order."""

    figure: Figure
    ours: tuple
    theirs: tuple

    @property
    def our_median(self):
        return statistics.median(self.ours)

    @property
    def their_median(self):
        return statistics.median(self.theirs)

    @property
    def ratio(self):
        """Ours to theirs; None where theirs is nothing."""
        return self.our_median / self.their_median if self.their_median else None


def make_rows(our_runs, their_runs, streams):
    """The rows of the figures that were taken. Each run is a dict from a figure's key to its value; `streams`
    is how many there were at once."""
    rows = []
    for figure in FIGURES:
        ours = tuple(run[figure.key] for run in our_runs if figure.key in run)
        theirs = tuple(run[figure.key] for run in their_runs if figure.key in run)
        if ours and theirs:
            named = dataclasses.replace(figure, text=figure.text.format(streams=streams))
            rows.append(Row(named, ours, theirs))
    return rows
