# SPDX-License-Identifier: BSD-3-Clause
# bash completion, as bash asks for it, and that it and the manual know every command and option.

import re
import subprocess
import unittest

from tests.unit.ctl.fake import ROOT, CepaTest

COMPLETIONS = ROOT / "data/completions/cepa"
MANUAL = ROOT / "docs/cepa.1"

# Completes the last of its arguments, as readline would after splitting the line into words.
ASK = r'''
source "$1"; shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_cepa
printf '%s\n' "${COMPREPLY[@]}"
'''


class CompletionTest(CepaTest):
    def complete(self, *words):
        done = subprocess.run(["bash", "-c", ASK, "bash", COMPLETIONS, "cepa", *words], capture_output=True, text=True,
                              check=True, env=self.env)
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def test_commands(self):
        every = {"status", "circuits", "streams", "guards", "plugins", "newnym", "dormant", "wake", "help"}
        self.assertEqual(self.complete(""), every)
        self.assertEqual(self.complete("st"), {"status", "streams"})
        self.assertEqual(self.complete("--json", "ne"), {"newnym"})
        self.assertEqual(self.complete("help", ""), every - {"help"})
        self.assertEqual(self.complete("status", ""), set())

    def test_options(self):
        self.assertEqual(self.complete("--v"), {"--version"})
        self.assertEqual(self.complete("status", "--w"), {"--watch"})
        self.assertEqual(self.complete("circuits", "--w"), set())
        self.assertEqual(self.complete("--bus", "s"), {"session", "system"})
        self.assertEqual(self.complete("--bus", "=", "se"), {"session"})
        self.assertEqual(self.complete("--bus", "session", "newn"), {"newnym"})
        self.assertEqual(self.complete("--socket", str(self.runtime / "ce")), {str(self.runtime / "cepa")})

    def test_guards(self):
        self.assertEqual(self.complete("guards", ""), {"drop"})
        self.assertEqual(self.complete("guards", "drop", ""), set())

    def test_plugins(self):
        self.assertEqual(self.complete("plugins", ""), {"start", "stop", "use"})
        # Without a daemon there is nothing to offer, and nothing is said.
        self.assertEqual(self.complete("plugins", "start", ""), set())
        daemon = self.start_daemon()
        daemon.tell("result Plugins1.List ([{'id': <'path.uniform'>, 'state': <'running'>}, {'id': <'control.tor'>},"
                    " {'id': <'$(touch x)'>}],)")
        self.assertEqual(self.complete("plugins", "start", ""), {"path.uniform", "control.tor"})
        self.assertEqual(self.complete("plugins", "stop", "con"), {"control.tor"})
        self.assertEqual(self.complete("plugins", "use", ""), {"path.uniform"})
        self.assertEqual(self.complete("--socket", str(daemon.socket), "plugins", "use", "p"), {"path.uniform"})
        self.assertEqual(self.complete("plugins", "start", "path.uniform", ""), set())


class AgreementTest(CepaTest):
    def test_all_commands_and_options_are_in_completion_and_manual(self):
        overview = self.check("--help")
        commands = re.findall(r"^  ([a-z]+) {2,}", overview.split("Help Options")[0], re.MULTILINE)
        self.assertIn("status", commands)
        options = set(re.findall(r"--[a-z]+", overview))
        for command in set(commands) - {"help"}:
            options |= set(re.findall(r"--[a-z]+", self.check("help", command)))
        for path in (COMPLETIONS, MANUAL):
            text = path.read_text(encoding="utf-8").replace("\\-", "-")
            for word in [*commands, *options]:
                with self.subTest(file=path.name, word=word):
                    self.assertRegex(text, rf"(?<![a-z]){word}\b")


if __name__ == "__main__":
    unittest.main()
