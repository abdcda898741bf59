# SPDX-License-Identifier: BSD-3-Clause
# What the daemon's log tells of circuits, streams and the bootstrap.

import re

CIRCUIT_OPEN = re.compile(r"circuit (\d+) open through (.*)$", re.MULTILINE)
HOP = re.compile(r"\$([0-9A-F]{40})(?:~(\w+))? at ([0-9.]+):(\d+)")
STREAM_ATTACHED = re.compile(r"stream (\d+) attached to circuit (\d+)$", re.MULTILINE)
BOOTSTRAPPED = re.compile(r"Bootstrapped (\d+)% \(([^)]*)\): (.*)$", re.MULTILINE)
CONSENSUS_USED = re.compile(r"using the consensus of (\S+ \S+) UTC with (\d+) relays")


def circuits(text):
    """The circuits that opened: a dict from the number to the list of fingerprints, guard first."""
    return {int(number): [hop[0] for hop in HOP.findall(path)] for number, path in CIRCUIT_OPEN.findall(text)}


def attachments(text):
    """(stream, circuit) of each stream that was attached, in order; one that was tried on several circuits
    is there several times."""
    return [(int(stream), int(circuit)) for stream, circuit in STREAM_ATTACHED.findall(text)]


def bootstrap_lines(text):
    """(percent, tag, summary) of each line about the bootstrap, in order."""
    return [(int(percent), tag, summary) for percent, tag, summary in BOOTSTRAPPED.findall(text)]
