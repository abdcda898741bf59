# SPDX-License-Identifier: BSD-3-Clause
# The demo: its parts, and the command as a newcomer runs it.

import io
import re
import signal
import subprocess
import unittest
import unittest.mock
from pathlib import Path

from tests.net.demo import BOOTSTRAP_LINE, HOP, PAGE_LINES, page_lines, parse_arguments
from tests.net.screen import Screen
from tests.net.web import PAGE


class PageTest(unittest.TestCase):
    def test_own_page(self):
        lines = page_lines(PAGE.encode(), 200)
        self.assertEqual(lines[0], "Hello! You came here through Tor.")
        self.assertEqual(len(lines), 4)

    def test_only_printable_text_is_left(self):
        page = "<p>a\x1b]0;evil\x07 &amp; b\x9b2J</p><script>no()</script><style>x{}</style><p>c<br>d"
        self.assertEqual(page_lines(page.encode(), 80), ["a]0;evil & b2J", "c", "d"])

    def test_long_pages_are_cut(self):
        lines = page_lines(b"<p>word</p>" * 100, 80)
        self.assertEqual(len(lines), PAGE_LINES + 1)
        self.assertEqual(lines[-1], "…")

    def test_broken_pages(self):
        for page in (b"", b"\xff\xfe<p", b"</script></head>text", b"<!-- "):
            page_lines(page, 40)
        self.assertEqual(page_lines(b"</script></head>text", 40), ["text"])


class LinesTest(unittest.TestCase):
    def test_bootstrap(self):
        match = BOOTSTRAP_LINE.search("00:00.000 [notice] Bootstrapped 75% (enough_dirinfo): Loaded (enough)")
        self.assertEqual(match.groups(), ("75", "enough_dirinfo", "Loaded (enough)"))

    def test_hops(self):
        first, second, third = "A" * 40, "B" * 40, "C" * 40
        text = f"${first}~guard1 at 127.3.0.1:5001, ${second} at [::1]:443, ${third}=old at 127.9.0.1:1"
        self.assertEqual([match.groups() for match in HOP.finditer(text)],
                         [(first, "guard1", "127.3.0.1:5001"), (second, None, "[::1]:443"),
                          (third, "old", "127.9.0.1:1")])


class ArgumentsTest(unittest.TestCase):
    def test_url_is_for_the_internet_only(self):
        self.assertEqual(parse_arguments(["--internet", "--url", "http://x/"]).url, "http://x/")
        with unittest.mock.patch("sys.stderr", io.StringIO()), self.assertRaises(SystemExit):
            parse_arguments(["--url", "http://x/"])


class ScreenTest(unittest.TestCase):
    def test_no_escapes_where_there_is_no_terminal(self):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with Screen(stream=stream) as screen:
            screen.begin("Phase")
            screen.live("one")
            screen.live("one")
            screen.bar(50, "half")
            screen.done("ready")
            screen.failure("wrong", "a hint")
        text = stream.buffer.getvalue().decode()
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\r", text)
        self.assertEqual(text.count("Phase: one\n"), 1)
        self.assertIn("Phase:  50% half\n", text)


class RunTest(unittest.TestCase):
    """`tests/demo` itself, with real relays."""

    SECONDS = 240

    def start(self, *arguments):
        root = Path(__file__).resolve().parents[2]
        process = subprocess.Popen([root / "tests/demo", "--no-color", *arguments], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_from_end_to_end(self):
        text, _ = self.start().communicate(timeout=self.SECONDS)
        self.assertIn("Hello! You came here through Tor.", text)
        way = re.findall(r"→ (guard|middle|exit) +(\S+) +(127\.[0-9.]+:[0-9]+)", text)
        self.assertEqual([place for place, _, _ in way], ["guard", "middle", "exit"], text)
        self.assertEqual(len({address for _, _, address in way}), 3, text)
        for phase in ("Private network", "Cepa connects", "Page through Tor", "together"):
            self.assertRegex(text, rf"{phase} +[0-9]+\.[0-9]+ s\n")

    def test_stays_until_it_is_interrupted(self):
        process = self.start("--stay")
        command = next(line for line in process.stdout if "curl --proxy" in line).split()
        page = subprocess.run(["curl", "-sS", *command[1:]], capture_output=True, text=True, timeout=60)
        self.assertIn("You came here through Tor", page.stdout, page.stderr)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 128 + signal.SIGINT)
        page = subprocess.run(["curl", "-sS", *command[1:]], capture_output=True, text=True, timeout=60)
        self.assertNotEqual(page.returncode, 0, "the daemon is still there")


if __name__ == "__main__":
    unittest.main()
