#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# docs/plugin-guide.md does what it says: its files are written and its commands run, in an empty folder, with nothing but
# what was installed.
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stranger import StrangerTest, unittest  # noqa: E402: it is found by the line above

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GUIDE = os.path.join(ROOT, "docs", "plugin-guide.md")


def read_blocks():
    """[(marks, text)] of the fenced blocks that are files or are run."""
    with open(GUIDE, encoding="utf-8") as file:
        return [(marks, text) for marks, text in re.findall(r"^```([^\n`]+)\n(.*?)^```$", file.read(),
                                                            re.MULTILINE | re.DOTALL)
                if marks == "sh run" or "file=" in marks]


RECORDED = os.path.join(ROOT, "tests", "data", "netdoc")


class GuideTest(StrangerTest):
    def setUp(self):
        """What the reader has besides: what a daemon keeps in its folder, and a month of archives."""
        super().setUp()
        self.env = dict(self.env, HOME=os.path.join(self.folder, "home"))
        state = os.path.join(self.env["HOME"], ".local", "state", "cepa")
        self.archives = os.path.join(self.folder, "archives")
        for folder, names in ((state, ["consensus-microdesc.txt", "key-certificates.txt", "microdescriptors.txt"]),
                              (self.archives + "/consensuses", ["consensus-microdesc.txt", "key-certificates.txt"]),
                              (self.archives + "/microdescriptors", ["microdescriptors.txt"])):
            os.makedirs(folder)
            for name in names:
                shutil.copy(os.path.join(RECORDED, name), folder)
        # It is a private network's: its authorities are not the built-in ones.
        self.torrc = os.path.join(self.folder, "authorities")
        with open(os.path.join(RECORDED, "authorities.txt"), encoding="utf-8") as file, \
             open(self.torrc, "w", encoding="utf-8") as torrc:
            torrc.writelines("DirAuthority " + line for line in file)

    def test_files_are_those_of_the_template(self):
        files = {marks.partition("file=")[2]: text for marks, text in read_blocks() if "file=" in marks}
        self.assertEqual(sorted(files), ["meson.build", "mine.c", "mine.plugin.in"])
        for name, text in files.items():
            with open(os.path.join(ROOT, "sdk", "template", name), encoding="utf-8") as file:
                self.assertEqual(file.read(), text, name)

    def test_commands(self):
        """One shell script: each line of a block must succeed, each file is written where the shell then is."""
        script = ["set -e", f"cd '{self.folder}'",
                  f"cepa-sim () {{ command cepa-sim \"$@\" --torrc '{self.torrc}' --paths 1000; }}"]
        for marks, text in read_blocks():
            if "consensuses/" in text:
                script.append(f"cp -R '{self.archives}/.' .")
            if marks == "sh run":
                for line in text.rstrip("\n").split("\n"):
                    script += [f"printf '%s\\n' '+ {line.replace(chr(39), '')}'", line]
            else:
                script += [f"cat > {marks.partition('file=')[2]} <<'END_OF_FILE'", text.rstrip("\n"), "END_OF_FILE"]
        path = os.path.join(self.folder, "guide.sh")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(script) + "\n")
        said = self.succeed("bash", path)
        self.assertIn("+ cepa-plugin-check build/mine.so", said)
        self.assertIn("0 broken", said)
        self.assertIn("+ cepad --verify-config", said)
        self.assertEqual(said.count("\n+ cepa-sim paths "), 2)
        for name in ("mine.svg", "mine.json"):
            self.assertGreater(os.path.getsize(os.path.join(self.folder, "mine", name)), 1000)

    def test_no_command_is_left_out(self):
        """What looks like commands is run."""
        with open(GUIDE, encoding="utf-8") as file:
            marks = set(re.findall(r"^```([^\n`]+)$", file.read(), re.MULTILINE))
        self.assertEqual({mark for mark in marks if mark.startswith("sh") and mark != "sh run"}, set())


if __name__ == "__main__":
    unittest.main()
