# SPDX-License-Identifier: BSD-3-Clause
# Path policies on a private network: path.uniform, and policies that the daemon does without.

import contextlib
import os
import pathlib
import shutil
import tempfile
import unittest

from tests.net import Cepad, Network
from tests.net.events import circuits
from tests.net.web import PAGE

BUILD = pathlib.Path(os.environ.get("G_TEST_BUILDDIR") or "build/tests").resolve()

MODULE = contextlib.ExitStack()
net = None


def setUpModule():
    global net
    net = MODULE.enter_context(Network(voting_interval=1800))


def tearDownModule():
    MODULE.close()


class PolicyTest(unittest.TestCase):
    def start(self, torrc):
        daemon = self.enterContext(Cepad(net, torrc=torrc))
        daemon.wait_bootstrapped()
        return daemon

    def add_variant(self, name):
        """A folder with the module of tests/plugins that is wrong in this way."""
        folder = tempfile.mkdtemp(prefix="cepa-policy-")
        self.addCleanup(shutil.rmtree, folder)
        shutil.copy(BUILD / f"plugins/{name}.so", f"{folder}/variant.so")
        pathlib.Path(folder, "variant.plugin").write_text(
            "[Plugin]\nId=path.variant\nName=A plugin for tests\nModule=variant.so\nAbiMajor=1\nAbiMinor=0\n",
            encoding="utf-8")
        return folder

    def fetch_pages(self, daemon, count):
        """Each over a circuit of its own, because of its SOCKS user."""
        for number in range(count):
            result = daemon.curl(net.web_url(), user=f"user{number}:x")
            self.assertEqual((result.returncode, result.body), (0, PAGE.encode()), result)

    def check_paths(self, daemon, count):
        """Every circuit goes through three relays: a guard first, an exit last; there were `count` or more."""
        exits = {node.fingerprint for node in net.exits}
        relays = {node.fingerprint for node in net.relays}
        paths = circuits(daemon.log.text())
        self.assertGreaterEqual(len(paths), count)
        for path in paths.values():
            self.assertEqual(len(set(path)), 3)
            self.assertIn(path[0], relays)
            self.assertIn(path[2], exits)
        return paths

    def test_uniform(self):
        # Without the policy that would be asked instead: every path is of this one.
        daemon = self.start("PathPolicy uniform\nPlugin path.weighted disabled")
        self.assertIn("The plugin path.uniform is running", daemon.log.text())
        self.fetch_pages(daemon, 12)
        paths = self.check_paths(daemon, 12)
        # The chance that all of them have the same exit is below one in a hundred thousand.
        self.assertGreater(len({path[2] for path in paths.values()}), 1)
        self.assertGreater(len({path[0] for path in paths.values()}), 1)

    def test_violations(self):
        folder = self.add_variant("twice")
        daemon = self.start(f"PluginDirectory {folder}\nPathPolicy variant")
        self.fetch_pages(daemon, 6)
        self.check_paths(daemon, 6)
        self.assertRegex(daemon.log.text(), r"The plugin path\.variant broke the rule [a-z-]+ \(1\): the proposed hop")

    def test_failing(self):
        folder = self.add_variant("fails")
        daemon = self.start(f"PluginDirectory {folder}\nPathPolicy variant")
        self.fetch_pages(daemon, 6)
        self.check_paths(daemon, 6)
        self.assertRegex(daemon.log.text(), r"No path of the plugin path\.variant \(fault 1\): .*choose_path failed")


if __name__ == "__main__":
    unittest.main()
