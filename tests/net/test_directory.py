# SPDX-License-Identifier: BSD-3-Clause
# The directory over time: the next consensus comes as a diff, while the daemon runs and after it was away; authorities
# that die one after the other take nothing away from a client that has one.

import contextlib
import unittest

from tests.net import Cepad, Network, valid_after_of, wait_until
from tests.net.web import PAGE

DIFF = r"came as a diff of (\d+) bytes in place of (\d+)"
# An interval, the time that caches are given, and what the directory servers take to make a diff.
NEXT_SECONDS = 90

MODULE = contextlib.ExitStack()
net = None


def setUpModule():
    global net
    net = MODULE.enter_context(Network(voting_interval=20))


def tearDownModule():
    MODULE.close()


class DirectoryTest(unittest.TestCase):
    def setUp(self):
        self.daemon = self.enterContext(Cepad(net, torrc="FetchDirInfoEarly 1\n"))
        self.daemon.wait_bootstrapped()

    def check_page(self):
        result = self.daemon.curl(net.web_url(), timeout=30)
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)

    def wait_diff(self, mark=None):
        found = self.daemon.wait_log(DIFF, NEXT_SECONDS, since=mark)
        self.assertLess(int(found.group(1)), int(found.group(2)))

    def cached_after(self):
        return valid_after_of((self.daemon.data_dir / "cached-microdesc-consensus").read_text(encoding="ascii"))

    def test_changes_while_running(self):
        mark = self.daemon.log_mark()
        net.set_params({"circwindow": 700})
        self.wait_diff(mark)
        text = (self.daemon.data_dir / "cached-microdesc-consensus").read_text
        wait_until(lambda: "circwindow=700" in text(encoding="ascii"), NEXT_SECONDS, "the parameter in the cache")
        self.check_page()

    def test_restart_costs_a_diff(self):
        """What it has is some consensuses old when it comes back."""
        before = self.cached_after()
        self.assertEqual(self.daemon.stop(), 0)
        wait_until(lambda: valid_after_of(net.consensus_text()) > before + net.voting_interval, 2 * NEXT_SECONDS,
                   "two more consensuses")
        self.daemon.start()
        self.wait_diff()
        self.daemon.wait_bootstrapped()
        wait_until(lambda: self.cached_after() > before, 10, "the consensus in the cache")
        self.assertNotIn("refused", self.daemon.log_text())
        self.check_page()

    def test_authorities_killed_one_by_one(self):
        for node in net.authorities:
            self.addCleanup(lambda node=node: node.alive or node.restart())
            node.kill()
            self.check_page()
        # The last consensus is over after three intervals, and is used all the same while there is no other.
        last = self.cached_after()
        self.daemon.wait_log("circuit .* closed: the directory request is over", NEXT_SECONDS, since=self.daemon.log_mark())
        self.check_page()
        for node in net.authorities:
            node.restart()
        wait_until(lambda: self.cached_after() > last, 2 * NEXT_SECONDS, "a newer consensus")
        self.check_page()


if __name__ == "__main__":
    unittest.main()
