#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# The parts of tests/bench that need no network.

import contextlib
import io
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import threading
import time
import types
import unittest
import unittest.mock

from tests.benchmarks import build, directory, pairs, paths, report
from tests.benchmarks.errors import BenchError
from tests.benchmarks.figures import FIGURES, MEASUREMENTS, make_rows
from tests.benchmarks.main import parse_arguments
from tests.benchmarks.probe import SwitchCounter, cpu_seconds, parse_strace_summary
from tests.benchmarks.session import fetch_and_keep
from tests.net.web import PAGE

NAMES = ("Cepa", "C Tor")
FACTS = {"command": "tests/bench", "versions": {"Cepa": "Cepa 1", "C Tor": "Tor version 2"},
         "machine": "M, 2 cores"}

STRACE_SUMMARY = """\
    calls syscall
--------- ----------------
      120 epoll_wait
        7 read
--------- ----------------
      127 total
"""


def some_rows():
    ours = [{"download_cpu": 2.0, "idle_cpu": 1.0, "size": 300}, {"download_cpu": 9.0}, {"download_cpu": 3.0}]
    theirs = [{"download_cpu": 6.0, "idle_cpu": 0.0, "size": 600}, {"download_cpu": 12.0},
              {"download_cpu": 13.0}]
    return make_rows(ours, theirs, 100)


class PairsTest(unittest.TestCase):
    def test_difference(self):
        difference = pairs.compare([(5.5, 5.0), (5.0, 5.0), (6.0, 5.0)])
        self.assertAlmostEqual(difference.share, 0.1)
        self.assertAlmostEqual(difference.error, 0.1 / 3 ** 0.5)
        self.assertEqual(difference.format_line(NAMES), "CPU per GiB downloaded: 5.50 s with Cepa, 5.00 s with C Tor:"
                                                        " +10.0% ± 5.8% (3 rounds)")

    def test_drift_counts_for_both(self):
        self.assertEqual(sum(i for i, side in enumerate(pairs.ORDER) if side),
                         sum(i for i, side in enumerate(pairs.ORDER) if not side))


class FiguresTest(unittest.TestCase):
    def test_each_belongs_to_a_measurement(self):
        self.assertEqual({figure.measurement for figure in FIGURES}, set(MEASUREMENTS))
        self.assertEqual(len({figure.key for figure in FIGURES}), len(FIGURES))

    def test_medians_and_ratio(self):
        download, idle, size = some_rows()
        self.assertEqual((download.our_median, download.their_median, download.ratio), (3.0, 12.0, 0.25))
        self.assertEqual((size.ours, size.ratio), ((300,), 0.5))
        self.assertIsNone(idle.ratio)

    def test_number_of_streams_is_named(self):
        row, = make_rows([{"rss_streams": 1}], [{"rss_streams": 2}], 42)
        self.assertIn("42", row.figure.text)


class ReportTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cepa-bench-test-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "file"

    def test_table(self):
        lines = report.format_table(some_rows(), NAMES)
        self.assertEqual(len(lines), 5)
        self.assertRegex(lines[2], r"^CPU per GiB downloaded +s +3\.00 +12\.00 +0\.25 +2\.00 9\.00 3\.00 +6")
        self.assertRegex(lines[3], r"^CPU when idle +ms/s +1\.000 +0\.000 +– ")
        self.assertRegex(lines[4], r"^program .* 300 +600 +0\.50 +300 +600$")

    def test_docs_keep_what_is_around_the_table(self):
        self.path.write_text(f"a\n{report.BEGIN_MARK}\nold\n{report.END_MARK}\nb\n", encoding="utf-8")
        for _ in range(2):
            report.write_docs(self.path, some_rows(), NAMES, FACTS)
        text = self.path.read_text(encoding="utf-8")
        self.assertTrue(text.startswith("a\n") and text.endswith("\nb\n"), text)
        self.assertNotIn("old", text)
        self.assertEqual(text.count("| CPU per GiB downloaded | s | 3.00 | 12.00 | 0.25 |"), 1)
        self.assertIn("- machine: M, 2 cores\n", text)
        self.assertIn("\n    tests/bench\n", text)

    def test_docs_without_marks_are_left_alone(self):
        for text in ("", f"{report.END_MARK}{report.BEGIN_MARK}", report.BEGIN_MARK,
                     f"{report.BEGIN_MARK}{report.END_MARK}" * 2):
            self.path.write_text(text, encoding="utf-8")
            with self.subTest(text=text), self.assertRaisesRegex(BenchError, str(self.path)):
                report.write_docs(self.path, some_rows(), NAMES, FACTS)
            self.assertEqual(self.path.read_text(encoding="utf-8"), text)

    def test_json(self):
        report.write_json(self.path, some_rows(), NAMES, FACTS)
        content = json.loads(self.path.read_text(encoding="utf-8"))
        first = content["figures"][0]
        self.assertEqual(content["machine"], "M, 2 cores")
        self.assertEqual((first["name"], first["ratio"]), ("download_cpu", 0.25))
        self.assertEqual(first["sides"][1], {"name": "C Tor", "median": 12.0, "runs": [6.0, 12.0, 13.0]})
        self.assertIsNone(content["figures"][1]["ratio"])

    def test_machine(self):
        self.assertRegex(report.describe_machine(), r"^.+, \d+ cores?, Linux \d+\.\d+$")


class ArgumentsTest(unittest.TestCase):
    def test_refused(self):
        for arguments in (["--runs", "0"], ["--only", "strange"], ["--write-docs", "--smoke"],
                          ["--write-docs", "--only", "size"], ["--write-docs", "--against", "x"],
                          ["--write-docs", "--cepad", "x"], ["--write-docs", "--paths"],
                          ["--paths", "--only", "size"], ["--paths", "--json", "x"],
                          ["--directory", "--paths"], ["--directory", "--against", "x"], ["--write-docs", "--directory"]):
            with self.subTest(arguments=arguments), contextlib.redirect_stderr(io.StringIO()), \
                 self.assertRaises(SystemExit) as caught:
                parse_arguments(arguments)
            self.assertEqual(caught.exception.code, 2)

    def test_taken(self):
        options = parse_arguments(["--only", "idle", "--only", "size", "--runs", "2", "--json", "x"])
        self.assertEqual((options.only, options.runs, str(options.json)), (["idle", "size"], 2, "x"))


class PathsTest(unittest.TestCase):
    GOOD = ("weighted_table 1500000\nweighted_daemon 1200000\nweighted_guarded 1200000\nuniform_daemon 1300000\n"
            "uniform_guarded 1300000\nuniform_new 4000\n")

    SPEED = "echo 'cepa-sim: 20 draws in 0.10 s: 1900000 a second, 1000000 a second of CPU time' >&2"

    def add_program(self, text, simulator=SPEED):
        folder = tempfile.TemporaryDirectory(prefix="cepa-bench-test-")
        self.addCleanup(folder.cleanup)
        for name, content in (("tests/benchmarks/paths", text), ("sdk/sim/cepa-sim", simulator)):
            program = pathlib.Path(folder.name) / name
            program.parent.mkdir(parents=True)
            program.write_text(f"#!/bin/sh\n{content}\n", encoding="utf-8")
            program.chmod(0o755)
        return pathlib.Path(folder.name)

    def test_measured(self):
        folder = self.add_program(f"test $# = 3 || exit 1\ncat <<END\n{self.GOOD}END")
        slow = {key: 1.0 for key in (*paths.TEXTS, *paths.SIMULATED)}
        figures = paths.medians([paths.measure(folder), slow, paths.measure(folder)])
        self.assertEqual(figures["uniform_daemon"], 1300000)
        self.assertEqual((figures["simulator"], figures["simulator_cpu"]), (1900000, 1000000))
        self.assertRegex(paths.format_lines(figures)[0], r"^path.weighted, .* 1,500,000 paths/s$")

    def test_failures(self):
        for text, message in (("echo no network >&2; exit 3", "status 3: no network"),
                              ("echo weighted_table 5", "weighted_table.*rather than")):
            with self.subTest(text=text), self.assertRaisesRegex(BenchError, message):
                paths.measure(self.add_program(text))
        with self.assertRaisesRegex(BenchError, "does not say how fast it was, but: quick"):
            paths.measure(self.add_program(f"cat <<END\n{self.GOOD}END", "echo quick >&2"))
        with self.assertRaisesRegex(BenchError, "is not there"):
            paths.measure(pathlib.Path("/nowhere"))


class DirectoryTest(unittest.TestCase):
    PROGRAM = {key: 2.0 for key, figure in directory.FIGURES.items() if figure.from_program}
    BOTH = {key: 3.0 for key, figure in directory.FIGURES.items() if not figure.from_program}

    def test_what_the_program_prints(self):
        output = "".join(f"{key} {value}\n" for key, value in self.PROGRAM.items())
        self.assertEqual(directory.parse(output), self.PROGRAM)
        with self.assertRaisesRegex(BenchError, "rather than"):
            directory.parse(output + "other 1\n")

    def test_table(self):
        ours = [self.BOTH | self.PROGRAM | {"ready_cpu": value} for value in (100.0, 900.0, 200.0)]
        header, _, first, *rest = directory.format_lines(ours, [self.BOTH | {"ready_cpu": 800.0}])
        self.assertEqual(header.split(), ["figure", "Cepa", "C", "Tor", "ratio"])
        self.assertEqual(first.split()[-3:], ["200", "800", "0.25"])
        self.assertEqual(rest[-1].split()[-4:], ["ms", "2.0", "–", "–"])

    def test_longest_turn(self):
        text = ("[info] a turn of the loop took 3.4 ms of CPU time, more than before\n"
                "[info] the loop was held for 1.2 ms, longer than before\n"
                "[info] the loop was held for 21.5 ms, longer than before\n")
        self.assertEqual(directory.longest_turn(text, directory.HELD), 21.5)
        self.assertEqual(directory.longest_turn(text, directory.WORKED), 3.4)
        self.assertEqual(directory.longest_turn("", directory.HELD), 0.0)


class BuildTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cepa-bench-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def add(self, name, content=b""):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def test_buildtype(self):
        self.assertIsNone(build.read_buildtype(self.folder))
        self.add("meson-info/intro-buildoptions.json", b'[{"name": "a", "value": 1},'
                                                       b' {"name": "buildtype", "value": "release"}]')
        self.assertEqual(build.read_buildtype(self.folder), "release")

    def test_build_of_another_type_is_refused(self):
        info = self.add(f"{build.BUILD}/meson-info/intro-buildoptions.json",
                        b'[{"name": "buildtype", "value": "debug"}]')
        with unittest.mock.patch.object(build, "REPOSITORY", self.folder), \
             unittest.mock.patch.object(build, "SETUP", ["true"]), \
             self.assertRaisesRegex(BenchError, "buildtype=debug") as caught:
            build.make_release_build()
        self.assertIn(build.BUILD, caught.exception.hint)
        self.assertTrue(info.exists())

    def test_failed_build_is_told(self):
        with unittest.mock.patch.object(build, "SETUP", ["false"]), \
             self.assertRaisesRegex(BenchError, "status 1"):
            build.make_release_build()

    def test_plugins_belong_to_a_program_in_a_build(self):
        binary = self.add("daemon/cepad")
        plugin = self.add("plugins/path/p/p.so")
        self.add("tests/plugins/q.so")
        self.assertEqual(build.program_files(binary), [binary])
        self.add("meson-private/x")
        self.assertEqual(build.program_files(binary), [binary, plugin])

    def test_version(self):
        script = self.add("says", b"#!/bin/sh\necho Program 1.2.\necho more\n")
        script.chmod(0o755)
        self.assertEqual(build.read_version(script), "Program 1.2")
        script.write_bytes(b"#!/bin/sh\necho cannot >&2\nexit 3\n")
        with self.assertRaisesRegex(BenchError, "cannot"):
            build.read_version(script)


class ProbeTest(unittest.TestCase):
    def setUp(self):
        self.me = types.SimpleNamespace(pid=os.getpid(), name="the test")

    def test_cpu_clock_is_that_of_the_process(self):
        before = time.process_time()
        seen = cpu_seconds(self.me)
        self.assertLessEqual(before, seen)
        self.assertLessEqual(seen, time.process_time())

    def test_cpu_clock_of_nobody(self):
        child = subprocess.Popen(["true"])
        child.wait()
        with self.assertRaisesRegex(BenchError, "nobody"):
            cpu_seconds(types.SimpleNamespace(pid=child.pid, name="nobody"))

    def test_switches(self):
        # A thread that ends while we count takes its own with it, and nobody else's.
        ending = threading.Event()
        thread = threading.Thread(target=ending.wait)
        thread.start()
        counter = SwitchCounter(self.me)
        ending.set()
        thread.join()
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:
            for _ in range(100):  # each read waits for the other process
                cat.stdin.write(b"x")
                cat.stdin.flush()
                cat.stdout.read(1)
            cat.stdin.close()
        counted = counter.count()
        self.assertGreater(counted.voluntary, 0)
        self.assertGreaterEqual(counted.involuntary, 0)

    def test_strace_summary(self):
        self.assertEqual(parse_strace_summary(STRACE_SUMMARY), {"epoll_wait": 120, "read": 7})


class StreamTest(unittest.TestCase):
    """fetch_and_keep against a server that gives fixed answers."""

    REPLY = b"\5\0" + b"\5\0\0\1\0\0\0\0\0\0"
    HEADER = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"

    def fetch(self, stack, answer):
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def serve():
            link = server.accept()[0]
            link.sendall(answer)
            link.shutdown(socket.SHUT_WR)
            while link.recv(4096):
                continue
            link.close()
        thread = threading.Thread(target=serve)
        thread.start()
        stack.callback(thread.join)
        with contextlib.ExitStack() as kept:
            fetch_and_keep(kept, server.getsockname()[1], 80)

    def test_page(self):
        with contextlib.ExitStack() as stack:
            self.fetch(stack, self.REPLY + self.HEADER + PAGE.encode())

    def test_failures(self):
        for answer, words in ((b"\5\xff", "refused"), (b"\5\0\5\4\0\1\0\0\0\0\0\0", "reply 0504"),
                              (self.REPLY, "ended early"), (self.REPLY + b"x" * 5000, "ended early"),
                              (self.REPLY + b"a: b\r\n" * 1000 + b"\r\n" + PAGE.encode(), "ended early"),
                              (self.REPLY + b"HTTP/1.1 404 No\r\n\r\n" + PAGE.encode(), "the page"),
                              (self.REPLY + self.HEADER + b"other", "the page")):
            with self.subTest(answer=answer[:40]), contextlib.ExitStack() as stack, \
                 self.assertRaisesRegex(BenchError, words):
                self.fetch(stack, answer)


if __name__ == "__main__":
    unittest.main()
