# SPDX-License-Identifier: BSD-3-Clause
# Keeps docs/parity.md honest: each row once, in a known state, and with tests that exist where it claims to work.

import os
import re
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
STATES = {"works", "partly", "not yet", "refused", "n/a"}
CLAIMS = {"works", "partly", "refused"}
ROWS = 360
PROOF = re.compile(r"`([^` ]+) ([^`]+)`")


def rows_of(text):
    """The cells of each table row: id, feature, state, proof, note."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and re.fullmatch(r"\d+(\.\d+)+", cells[0]):
            found.append(cells)
    return found


def faults_of(text, root):
    """What is wrong with a parity table, a sentence each."""
    faults = []
    seen = set()
    for cells in rows_of(text):
        if len(cells) != 5:
            faults.append(f"{cells[0]}: {len(cells)} cells")
            continue
        number, _, state, proof, note = cells
        if number in seen:
            faults.append(f"{number}: twice")
        seen.add(number)
        if state not in STATES:
            faults.append(f"{number}: unknown state {state}")
        if state == "partly" and not note:
            faults.append(f"{number}: does not say what is missing")
        proofs = PROOF.findall(proof)
        if state in CLAIMS and not proofs:
            faults.append(f"{number}: claims to be {state}, and names no test")
        for path, name in proofs:
            faults += proof_faults(number, os.path.join(root, path), name)
    return faults


def proof_faults(number, path, name):
    if not os.path.isfile(path):
        return [f"{number}: there is no {path}"]
    with open(path, encoding="utf-8") as test:
        source = test.read()
    if path.endswith(".py"):
        return [] if re.search(rf"\bdef {re.escape(name)}\(", source) else [f"{number}: {path} has no {name}"]
    # A test may be registered with its group's prefix apart, so its last part is looked for.
    last = name.rsplit("/", 1)[-1]
    return [] if re.search(rf"[\"/(\s]{re.escape(last)}[\",)\s]", source) else [f"{number}: {path} has no {name}"]


class ParityTest(unittest.TestCase):
    def test_table(self):
        with open(os.path.join(ROOT, "docs", "parity.md"), encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(faults_of(text, ROOT), [])
        self.assertEqual(len(rows_of(text)), ROWS)

    def test_sees_faults(self):
        good = "| 1.1 | a thing | works | `tests/unit/docs/test_parity.py test_sees_faults` | |\n"
        self.assertEqual(faults_of(good, ROOT), [])
        for old, new in (("works", "perhaps"), ("test_sees_faults", "test_of_nothing"), ("test_parity.py", "none.py"),
                         ("`tests/unit/docs/test_parity.py test_sees_faults`", ""), ("works", "partly")):
            self.assertEqual(len(faults_of(good.replace(old, new), ROOT)), 1, new)
        self.assertEqual(len(faults_of(good + good, ROOT)), 1)


if __name__ == "__main__":
    unittest.main()
