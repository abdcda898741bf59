# SPDX-License-Identifier: BSD-3-Clause
# The diff between two consensuses (dir-spec: "Consensus diffs", "Limited ed diff format").

import base64
import hashlib

SIGNATURE = "directory-signature "


def make_diff(old, new):
    """What turns the text `old` into the text `new`; not the smallest, but about as small as a cache's."""
    signed = old[:old.index(SIGNATURE) + len(SIGNATURE)]
    digests = (hashlib.sha3_256(text.encode("ascii")).hexdigest().upper() for text in (signed, new))
    commands = []
    for start, end, lines in reversed(_changes(_blocks(old), _blocks(new))):
        commands += _command(start, end, lines)
    return "\n".join(["network-status-diff-version 1", f"hash {' '.join(digests)}", *commands]) + "\n"


def _blocks(text):
    """Header, relays in the order of their identities, and footer: pairs of a key and lines."""
    blocks = [((0,), [])]
    for line in text.splitlines():
        if line.startswith("r "):
            blocks.append(((1, base64.b64decode(line.split(" ")[2] + "=")), []))
        elif line == "directory-footer":
            blocks.append(((2,), []))
        blocks[-1][1].append(line)
    return blocks


def _changes(old, new):
    """What is to be done, from top to bottom: of the old text, lines `start` to `end` (without it, from 1) give way
    to new lines."""
    found = []
    line, new = 1, list(new)
    position = 0
    for key, lines in old:
        while position < len(new) and new[position][0] < key:
            found.append((line, line, new[position][1]))
            position += 1
        if position < len(new) and new[position][0] == key:
            found += _block_changes(line, lines, new[position][1])
            position += 1
        else:
            found.append((line, line + len(lines), []))
        line += len(lines)
    return _join(found)


def _block_changes(line, old, new):
    if len(old) != len(new):
        return [(line, line + len(old), new)]
    return [(line + i, line + i + 1, [new[i]]) for i in range(len(old)) if old[i] != new[i]]


def _join(changes):
    """Neighbours become one."""
    joined = []
    for start, end, lines in changes:
        if joined and joined[-1][1] == start:
            first, _, before = joined.pop()
            start, lines = first, before + lines
        joined.append((start, end, lines))
    return joined


def _command(start, end, lines):
    if start == end:
        return [f"{start - 1}a", *lines, "."]
    place = str(start) if end == start + 1 else f"{start},{end - 1}"
    return [f"{place}c", *lines, "."] if lines else [f"{place}d"]
