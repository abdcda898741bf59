# SPDX-License-Identifier: BSD-3-Clause
# Padding of links and circuits, as real relays count it.

import collections
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from tests.net import Cepad, Network, wait_until
from tests.net.process import find_program
from tests.net.web import BIG_NAME, PAGE

BUILD = pathlib.Path(os.environ.get("G_TEST_BUILDDIR") or "build/tests").resolve()
SOURCE = pathlib.Path(os.environ.get("G_TEST_SRCDIR") or "tests").resolve()
CEPA = BUILD.parent / "daemon/ctl/cepa"
SECONDS = 60

# Idle times of the private network, so that tests need not wait for those of the public one.
FAST = {"nf_ito_low": 200, "nf_ito_high": 500}
# The least time is above IDLE_SECONDS. (C Tor ends itself when nf_ito_low is above 9500, the default of nf_ito_high.)
SLOW = {"nf_ito_low": 9000, "nf_ito_high": 60000}
IDLE_SECONDS = 4
# A cell to the first hop at each turn in which something came.
EAGER = """machine eager
hop 1
state s
bin 0 100 1
on normal-received s
on padding-sent ignore
"""

MODULE = contextlib.ExitStack()
net = None


def setUpModule():
    global net
    net = MODULE.enter_context(Network(voting_interval=20, params=FAST, log_level="info"))


def tearDownModule():
    MODULE.close()


def count(node, what):
    """How many cells of a kind the relay has processed; it says so in its log when it gets SIGUSR1."""
    mark = node.log_mark()
    node.process.send_signal(signal.SIGUSR1)
    pattern = r"(?s)Cells processed: (\d+) padding.*?\((\d+) relayed\)\s+\((\d+) delivered\)"
    wait_until(lambda: re.search(pattern, node.log.text(mark)), SECONDS, f"{node.nickname}'s statistics")
    padding, relayed, delivered = (int(number) for number in re.search(pattern, node.log.text(mark)).groups())
    return {"padding": padding, "relayed": relayed, "delivered": delivered}[what]


class PaddingTest(unittest.TestCase):
    def start(self, torrc=""):
        daemon = self.enterContext(Cepad(net, torrc=torrc))
        daemon.wait_bootstrapped()
        self.fetch_page(daemon)
        return daemon

    def fetch_page(self, daemon):
        result = daemon.curl(net.web_url())
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)

    def padding(self):
        """Cells of padding that the guards have got. Relays do not pad links between them."""
        return sum(count(node, "padding") for node in net.relays)

    def wait_padded(self, more):
        before = self.padding()
        wait_until(lambda: self.padding() >= before + more, SECONDS, f"{more} cells of padding")

    def check_no_complaints(self):
        """No relay has anything to say of what we sent."""
        for node in net.relays:
            for line in node.log_text().splitlines():
                self.assertNotRegex(line, r"\[warn\].*PADDING|[Mm]alformed PADDING|Received a PADDING_NEGOTIATE")

    def negotiated(self):
        """How often relays were told what: 0 to stop, 1 to go on."""
        return collections.Counter(word for node in net.relays
                                   for word in re.findall(r"Negotiated padding=(\d), lo=\d+, hi=\d+", node.log_text()))

    def test_links_are_padded(self):
        before = self.negotiated()
        daemon = self.start()
        self.assertIn("The plugin padding.circpad is running", daemon.log_text())
        self.wait_padded(5)
        # As C Tor: the relay is told something only when it is to stop.
        self.assertEqual(self.negotiated(), before)
        self.fetch_page(daemon)
        self.check_no_complaints()

    def test_stop(self):
        before = self.negotiated()
        daemon = self.start("ConnectionPadding 0\n")
        wait_until(lambda: self.negotiated()["0"] > before["0"], SECONDS, "a relay that was told to stop")
        self.assertEqual(self.negotiated()["1"], before["1"])
        self.fetch_page(daemon)
        self.check_no_complaints()

    def test_reduced(self):
        """The relay stops, we go on within the reduced range."""
        before = self.negotiated()
        net.set_params({"nf_ito_low_reduced": 300, "nf_ito_high_reduced": 600})
        self.start("ReducedConnectionPadding 1\n")
        wait_until(lambda: self.negotiated()["0"] > before["0"], SECONDS, "a relay that was told to stop")
        self.wait_padded(3)
        self.check_no_complaints()

    def test_plugin_stops_and_starts(self):
        """Machines go and come with the plugin, on channels that stay; a relay that was told to stop may go on."""
        before = self.negotiated()
        daemon = self.start("ConnectionPadding 0\n")
        wait_until(lambda: self.negotiated()["0"] > before["0"], SECONDS, "a relay that was told to stop")
        self.cepa(daemon, "plugins", "stop", "padding.circpad")
        wait_until(lambda: self.negotiated()["1"] > before["1"], SECONDS, "a relay that may pad again")
        self.fetch_page(daemon)
        self.cepa(daemon, "plugins", "start", "padding.circpad")
        self.fetch_page(daemon)
        self.check_no_complaints()

    def cepa(self, daemon, *arguments):
        run = subprocess.run([CEPA, "--socket", daemon.runtime_dir / "cepa/bus", *arguments], capture_output=True, text=True,
                             timeout=SECONDS, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def parameter(self, daemon, name):
        """Of the consensus that the daemon uses."""
        run = subprocess.run([find_program("gdbus"), "call", "--address", f"unix:path={daemon.runtime_dir}/cepa/bus",
                              "--dest", "org.cepa.Cepa1", "--object-path", "/org/cepa/Cepa1",
                              "--method", "org.cepa.Network1.Parameter", name, "--", "-1"],
                             capture_output=True, text=True, timeout=SECONDS, check=True)
        return int(re.search(r"-?\d+", run.stdout).group())

    def test_params(self):
        """The consensus says how long a link is idle before it is padded."""
        net.set_params(SLOW)
        self.addCleanup(net.set_params, FAST)
        daemon = self.start()
        # It may have got the consensus before, from an authority that was not there yet.
        wait_until(lambda: self.parameter(daemon, "nf_ito_low") == SLOW["nf_ito_low"], SECONDS, "the new consensus")

        def is_padded():
            """Whether the link is padded soon after it was used: not in a range that begins at 9 seconds."""
            self.fetch_page(daemon)
            began, before = time.monotonic(), self.padding()
            with contextlib.suppress(TimeoutError):
                wait_until(lambda: self.padding() >= before + 2, IDLE_SECONDS, "padding")
                # Where the counting itself took so long that even a slow link would be padded, this says nothing.
                return time.monotonic() - began < SLOW["nf_ito_low"] / 1000 or is_padded()
            return False
        self.assertFalse(is_padded())
        net.set_params({"nf_ito_low": 300, "nf_ito_high": 600})
        wait_until(is_padded, 4 * SECONDS, "padding by the new parameters")
        self.check_no_complaints()

    def test_circuit_machine(self):
        """A page and 10 MiB come while the machine pads."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="cepa-padding-"))
        self.addCleanup(shutil.rmtree, folder)
        (folder / "eager").write_text(EAGER, encoding="utf-8")
        daemon = self.start(f"PluginOption padding.circpad.machines {folder / 'eager'}\nConnectionPadding 0\n")
        before = sum(count(node, "delivered") for node in net.relays)
        result = daemon.curl(net.web_url(f"/{BIG_NAME}"), extra=["--range", "0-10485759"], timeout=120)
        self.assertEqual(result.returncode, 0, result)
        after = sum(count(node, "delivered") for node in net.relays)
        # Guards get nothing else for themselves but what belongs to building circuits and fetching the directory.
        self.assertGreater(after - before, 200)
        self.fetch_page(daemon)
        self.check_no_complaints()

    def test_shipped_machine(self):
        path = SOURCE.parent / "plugins/padding/circpad/machines/adaptive.machine"
        daemon = self.start(f"PluginOption padding.circpad.machines {path}\n")
        for number in range(3):
            result = daemon.curl(net.web_url(), user=f"user{number}:x")
            self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)
        self.check_no_complaints()

    def test_bad_machine(self):
        """The daemon goes on without the plugin, and says which line is wrong."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="cepa-padding-"))
        self.addCleanup(shutil.rmtree, folder)
        (folder / "bad").write_text("machine bad\nstate s\non rain s\n", encoding="utf-8")
        daemon = self.start(f"PluginOption padding.circpad.machines {folder / 'bad'}\n")
        self.assertRegex(daemon.log_text(), r"padding\.circpad.*bad:3: \"rain\" is no event")

    def test_flood(self):
        """A plugin that pads without end is held to its budget, and pages come."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="cepa-padding-"))
        self.addCleanup(shutil.rmtree, folder)
        shutil.copy(BUILD / "plugins/flood.so", folder / "flood.so")
        (folder / "flood.plugin").write_text(
            "[Plugin]\nId=padding.flood\nName=A plugin for tests\nModule=flood.so\nAbiMajor=1\nAbiMinor=0\n",
            encoding="utf-8")
        before = self.padding()
        daemon = self.start(f"PluginDirectory {folder}\nPlugin padding.circpad disabled\nPlugin padding.flood optional\n")
        daemon.wait_log(r"The plugin padding\.flood broke the rule padding-budget \(\d+\)", SECONDS)
        self.fetch_page(daemon)
        # A thousand for each channel, and what the cells of a few pages and the directory allow.
        self.assertLess(self.padding() - before, 4 * 3000)
        self.check_no_complaints()


if __name__ == "__main__":
    unittest.main()
