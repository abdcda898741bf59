# SPDX-License-Identifier: BSD-3-Clause
# Two daemons that run at the same time and download in turns: a difference of some percent, which the noise of runs
# that follow each other would hide.

import contextlib
import dataclasses
import statistics

from tests.benchmarks.session import GIB, MIB, Session, cpu_seconds

# Downloads of a round, by side: what drifts evenly during a round counts the same for both.
ORDER = (0, 1, 1, 0)
# Of what other measurements download at once: many short rounds say more than a few long ones.
PART = 4


@dataclasses.dataclass(frozen=True)
class Difference:
    """What the first side costs more than the second, as a share of the second: the mean over rounds, and its
    standard error; and the mean seconds of CPU per GiB of both."""

    share: float
    error: float
    ours: float
    theirs: float
    rounds: int

    def format_line(self, names):
        return (f"CPU per GiB downloaded: {self.ours:.2f} s with {names[0]}, {self.theirs:.2f} s with {names[1]}:"
                f" {self.share:+.1%} ± {self.error:.1%} ({self.rounds} rounds)")


def compare(rounds):
    """rounds: pairs of CPU seconds per GiB, of the first side and of the second."""
    shares = [ours / theirs - 1 for ours, theirs in rounds]
    error = statistics.stdev(shares) / len(shares) ** 0.5 if len(shares) > 1 else float("inf")
    return Difference(statistics.fmean(shares), error, statistics.fmean(ours for ours, _ in rounds),
                      statistics.fmean(theirs for _, theirs in rounds), len(rounds))


def measure(sides, net, plan, say):
    """Starts both sides `plan.runs` times, so that no chance of one process counts for all. Returns: the rounds."""
    plan = dataclasses.replace(plan, transfer_bytes=max(plan.transfer_bytes // PART, MIB))
    rounds = []
    for run in range(1, plan.runs + 1):
        with contextlib.ExitStack() as stack:
            sessions = []
            for side in sides:
                client = stack.enter_context(side.make(net, binary=side.binary))
                sessions.append(Session(client, net, plan, {"download"}, lambda text: None))
                client.wait_bootstrapped()
                sessions[-1].open_circuit()
            for number in range(1, plan.rounds + 1):
                say(f"run {run}, round {number}")
                rounds.append(_measure_round(sessions, plan))
    return rounds


def _measure_round(sessions, plan):
    seconds = [0.0, 0.0]
    for index in ORDER:
        client = sessions[index].client
        before = cpu_seconds(client)
        sessions[index].fetch()
        seconds[index] += cpu_seconds(client) - before
    return tuple(each * GIB / (ORDER.count(0) * plan.transfer_bytes) for each in seconds)
