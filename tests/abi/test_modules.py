#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# The plugins of the tree: their files, and what cepa-plugin-check says of them, under valgrind too.
import glob
import os
import re
import subprocess
import tempfile
import unittest

BUILD = os.environ.get("CEPA_BUILD", os.path.join(os.getcwd(), "build"))
CHECK = os.path.join(BUILD, "sdk", "check", "cepa-plugin-check")
SANITIZED = os.environ.get("CEPA_SANITIZED") == "1"
MODULES = sorted(glob.glob(os.path.join(BUILD, "plugins", "*", "*", "*.so")))


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True,
                          errors="replace", timeout=1500)


# More runs of plugins that do little or nothing without options; FOLDER is an empty one.
OPTIONS = {
    "tor.so": [[], ["port=auto", "cookie-authentication=1"]],
    "prometheus.so": [[], ["port=auto", "policy=accept 127.0.0.1"]],
    "trace.so": [["output=FOLDER/trace", "events=channel", "events=circuit", "events=stream", "events=cell"],
                 ["output=FOLDER/trace.csv", "format=csv"]],
}


class ModulesTest(unittest.TestCase):
    def each(self, judge):
        """Gives each module to `judge`, as a subtest; there is the default policy at least."""
        self.assertIn("weighted.so", [os.path.basename(module) for module in MODULES])
        for module in MODULES:
            with self.subTest(module=os.path.basename(module)):
                judge(module)

    def judge_symbols(self, module):
        symbols = run("nm", "-D", "--defined-only", module).stdout.split("\n")
        names = {line.split()[-1] for line in symbols if line}
        self.assertEqual({name for name in names if not re.match(r"__(odr_asan|asan|ubsan)", name)}, {"cepa_plugin_v1"})

    def judge_undefined(self, module):
        undefined = re.findall(r"undefined symbol: (\S+)", run("ldd", "-r", module).stdout)
        self.assertEqual([name for name in undefined if not re.match(r"__(asan|ubsan|sanitizer)", name)], [])

    def judge_constructors(self, module):
        section = re.search(r"\.init_array\s+INIT_ARRAY\s+([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)",
                            run("readelf", "-SW", module).stdout)
        place, size = int(section.group(1), 16), int(section.group(2), 16)
        self.assertEqual(size, 8)
        target = re.search(rf"^0*{place:x}\s.*RELATIVE\s+([0-9a-f]+)$", run("readelf", "-rW", module).stdout,
                           re.MULTILINE)
        symbols = re.findall(rf"0*{target.group(1)}\s+\d+ FUNC .* (\S+)$", run("readelf", "-sW", module).stdout,
                             re.MULTILINE)
        self.assertEqual(symbols, ["frame_dummy"])

    def judge_conduct(self, module, *arguments):
        for options in OPTIONS.get(os.path.basename(module), [[]]):
            with self.subTest(options=options), tempfile.TemporaryDirectory() as folder:
                given = [word for option in options for word in ("--option", option.replace("FOLDER", folder))]
                result = run(CHECK, *arguments, *given, module)
                self.assertEqual(result.returncode, 0, result.stdout)
                self.assertRegex(result.stdout, r"(\d\d) rules: \d+ kept, 0 broken")

    def test_one_symbol(self):
        self.each(self.judge_symbols)

    def test_undefined(self):
        self.each(self.judge_undefined)

    if not SANITIZED:  # sanitizers bring constructors of their own
        def test_constructors(self):
            """.init_array holds one function, the C runtime's frame_dummy."""
            self.each(self.judge_constructors)

    def test_check(self):
        self.each(self.judge_conduct)

    if not SANITIZED:  # valgrind does not run what a sanitizer has built
        def test_check_under_valgrind(self):
            self.each(lambda module: self.judge_conduct(module, "--valgrind"))


if __name__ == "__main__":
    unittest.main()
