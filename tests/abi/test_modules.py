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


# Those that do not start without.
OPTIONS = {"trace.so": ("--option", "output={folder}/trace")}


class ModulesTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="cepa-modules-"))

    def each(self):
        """The modules, each a subtest; there is the default policy at least."""
        self.assertIn("weighted.so", [os.path.basename(module) for module in MODULES])
        for module in MODULES:
            with self.subTest(module=os.path.basename(module)):
                yield module

    def test_one_symbol(self):
        for module in self.each():
            symbols = run("nm", "-D", "--defined-only", module).stdout.split("\n")
            names = {line.split()[-1] for line in symbols if line}
            self.assertEqual({name for name in names if not re.match(r"__(odr_asan|asan|ubsan)", name)},
                             {"cepa_plugin_v1"})

    def test_undefined(self):
        for module in self.each():
            undefined = re.findall(r"undefined symbol: (\S+)", run("ldd", "-r", module).stdout)
            self.assertEqual([name for name in undefined if not re.match(r"__(asan|ubsan|sanitizer)", name)], [])

    @unittest.skipIf(SANITIZED, "sanitizers bring constructors of their own")
    def test_constructors(self):
        """.init_array holds one function, the C runtime's frame_dummy."""
        for module in self.each():
            section = re.search(r"\.init_array\s+INIT_ARRAY\s+([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)",
                                run("readelf", "-SW", module).stdout)
            place, size = int(section.group(1), 16), int(section.group(2), 16)
            self.assertEqual(size, 8)
            target = re.search(rf"^0*{place:x}\s.*RELATIVE\s+([0-9a-f]+)$", run("readelf", "-rW", module).stdout,
                               re.MULTILINE)
            symbols = re.findall(rf"0*{target.group(1)}\s+\d+ FUNC .* (\S+)$", run("readelf", "-sW", module).stdout,
                                 re.MULTILINE)
            self.assertEqual(symbols, ["frame_dummy"])

    def check_all(self, *arguments):
        for module in self.each():
            more = [word.format(folder=self.folder) for word in OPTIONS.get(os.path.basename(module), ())]
            result = run(CHECK, *arguments, *more, module)
            self.assertEqual(result.returncode, 0, result.stdout)
            self.assertRegex(result.stdout, r"(\d\d) rules: \d+ kept, 0 broken")

    def test_check(self):
        self.check_all()

    @unittest.skipIf(SANITIZED, "valgrind does not run what a sanitizer has built")
    def test_check_under_valgrind(self):
        self.check_all("--valgrind")


if __name__ == "__main__":
    unittest.main()
