# SPDX-License-Identifier: BSD-3-Clause
# The manual and the completion for bash know every option of cepa-sim, and no other.

import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
MANUAL = ROOT / "docs/cepa-sim.1"
COMPLETION = ROOT / "data/completions/cepa-sim"

# Completes the last of its arguments, as readline would after splitting the line into words.
ASK = r'''
source "$1"; shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_cepa_sim
printf '%s\n' "${COMPREPLY[@]}"
'''


class ManualTest(unittest.TestCase):
    def setUp(self):
        done = subprocess.run([os.environ["CEPA_SIM"], "paths", "--help"], capture_output=True, text=True, check=True)
        self.options = set(re.findall(r"^  (?:-\w, )?(--[a-z0-9-]+)", done.stdout, re.MULTILINE))
        self.assertIn("--adversary-share", self.options)

    def complete(self, *words):
        done = subprocess.run(["bash", "-c", ASK, "bash", COMPLETION, "cepa-sim", *words], capture_output=True, text=True,
                              check=True, cwd=ROOT / "sdk/sim")
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def test_manual(self):
        text = MANUAL.read_text().replace("\\-", "-")
        self.assertEqual(set(re.findall(r"^\\fB(?:-\w\\fR, \\fB)?(--[a-z0-9-]+)", text, re.MULTILINE)) | {"--help"}, self.options)

    def test_completion(self):
        self.assertEqual(self.complete("paths", "--"), self.options)
        self.assertEqual(self.complete(""), {"paths", "--version", "--help"})
        self.assertEqual(self.complete("paths", "--ro"), {"--rows"})
        self.assertEqual(self.complete("paths", "--csv", "REA"), {"README.md"})
        self.assertEqual(self.complete("paths", "--csv", "=", "REA"), {"README.md"})
        self.assertEqual(self.complete("paths", "--clients", ""), set())
        self.assertEqual(self.complete("paths", "--plugin", "path.w"), {"path.weighted"})


if __name__ == "__main__":
    unittest.main()
