# SPDX-License-Identifier: BSD-3-Clause
# Path policies on a private network: path.uniform, path.diverse, and policies that the daemon does without.

import contextlib
import ipaddress
import os
import pathlib
import shutil
import tempfile
import unittest

from tests.net import Cepad, Network
from tests.net.events import circuits
from tests.net.web import PAGE

BUILD = pathlib.Path(os.environ.get("G_TEST_BUILDDIR") or "build/tests").resolve()

# Made up: three relays by chance are of three countries in one path of four.
COUNTRIES = {"relay1": "DE", "relay2": "DE", "relay3": "SE", "relay4": "SE", "exit1": "DE", "exit2": "SE", "exit3": "IS",
             "auth1": "IS", "auth2": "IS", "auth3": "IS"}

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
        # Without the policy that would be asked instead, and without guards: every relay of every path is drawn by this one.
        daemon = self.start("PathPolicy uniform\nPlugin path.weighted disabled\nUseEntryGuards 0")
        self.assertIn("The plugin path.uniform is running", daemon.log.text())
        self.fetch_pages(daemon, 12)
        paths = self.check_paths(daemon, 12)
        # The chance that all of them have the same exit is below one in a hundred thousand.
        self.assertGreater(len({path[2] for path in paths.values()}), 1)
        self.assertGreater(len({path[0] for path in paths.values()}), 1)

    def write_countries(self):
        """The path of a GeoIPFile."""
        numbers = {name: int(ipaddress.ip_address(net.node(name).address)) for name in COUNTRIES}
        path = net.dir / "geoip"
        path.write_text("".join(f"{number},{number},{COUNTRIES[name]}\n" for name, number in numbers.items()),
                        encoding="ascii")
        return path

    def countries_of(self, daemon, count):
        """Of every path that there was."""
        return [[COUNTRIES[net.node(fingerprint).nickname] for fingerprint in path]
                for path in self.check_paths(daemon, count).values()]

    def test_diverse(self):
        daemon = self.start(f"GeoIPFile {self.write_countries()}\nPathPolicy diverse\nPlugin path.weighted disabled\n"
                            "PluginOption path.diverse.as off\nPluginOption path.diverse.strict 1\n"
                            "PluginOption path.diverse.unknown refused")
        self.fetch_pages(daemon, 8)
        for countries in self.countries_of(daemon, 8):
            self.assertEqual(set(countries), {"DE", "SE", "IS"})

    def test_diverse_exit_countries(self):
        # No exit is in Norway: those in Iceland are taken as long as that one answers.
        daemon = self.start(f"GeoIPFile {self.write_countries()}\nPathPolicy diverse\nPlugin path.weighted disabled\n"
                            "PluginOption path.diverse.countries off\nPluginOption path.diverse.as off\n"
                            "PluginOption path.diverse.strict 1\nPluginOption path.diverse.exit-countries no,is")
        self.fetch_pages(daemon, 4)
        self.assertEqual({countries[2] for countries in self.countries_of(daemon, 4)}, {"IS"})

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
