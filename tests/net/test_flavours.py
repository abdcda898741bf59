# SPDX-License-Identifier: BSD-3-Clause
# Relays known by the descriptors that they signed themselves (UseMicrodescriptors 0), and both kinds of directory at once
# (FetchUselessDescriptors 1).

import contextlib
import re
import unittest

import stem.control
import stem.descriptor.server_descriptor

from tests.net import Cepad, Network, valid_after_of, wait_until
from tests.net.web import PAGE

SECONDS = 60
NEXT_SECONDS = 90
CONTROL = "ControlPort 127.0.0.1:auto\nCookieAuthentication 1\n"
PORT = r"control\.tor: Opened Control listener connection \(ready\) on 127\.0\.0\.1:(\d+)"
NS_FILES = {"cached-consensus", "cached-descriptors"}
MICRO_FILES = {"cached-microdesc-consensus", "cached-microdescs"}
MODULE = contextlib.ExitStack()
net = None


def setUpModule():
    global net
    net = MODULE.enter_context(Network())


def tearDownModule():
    MODULE.close()


class FlavoursTestCase(unittest.TestCase):
    def start(self, torrc, **options):
        daemon = self.enterContext(Cepad(net, torrc=CONTROL + torrc, **options))
        daemon.wait_bootstrapped()
        return daemon

    def connect(self, daemon):
        controller = stem.control.Controller.from_port(port=int(daemon.wait_log(PORT, SECONDS, since=0).group(1)))
        self.addCleanup(controller.close)
        controller.authenticate()
        return controller

    def check_page(self, daemon):
        result = daemon.curl(net.web_url(), timeout=30)
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)

    def cached(self, daemon):
        """Which files of the directory there are, new ones as those that they are added to."""
        found = {path.name.removesuffix(".new") for path in daemon.data_dir.glob("cached-*")}
        return found - {"cached-certs"}

    def own_descriptors(self):
        """From the fingerprint to what each relay says of itself, as the first authority has it; the newest."""
        authority = net.authorities[0]
        text = authority.read_data("cached-descriptors") + authority.read_data("cached-descriptors.new")
        found = {}
        for descriptor in re.findall(r"^router .*?^router-signature\n.*?^-----END SIGNATURE-----\n", text, re.M | re.S):
            fingerprint = re.search(r"^fingerprint (.*)$", descriptor, re.M).group(1).replace(" ", "")
            found.setdefault(fingerprint, []).append(descriptor.strip("\n"))
        return found


class ServerDescriptorsTest(FlavoursTestCase):
    def test_cold_then_warm(self):
        daemon = self.start("UseMicrodescriptors 0\n")
        self.check_page(daemon)
        self.assertEqual(self.cached(daemon), NS_FILES)
        text = (daemon.data_dir / "cached-consensus").read_text(encoding="ascii")
        self.assertTrue(text.startswith("network-status-version 3\n"))
        self.assertEqual(daemon.stop(), 0)
        # Nobody who could give it another.
        for node in net.authorities:
            self.addCleanup(lambda node=node: node.alive or node.restart())
            node.stop()
        daemon.start()
        daemon.wait_bootstrapped()
        self.check_page(daemon)
        self.assertNotIn("refused", daemon.log_text())

    def test_what_relays_say_of_themselves(self):
        """Each text is one that the relay has signed, and that the consensus has the digest of."""
        daemon = self.start("UseMicrodescriptors 0\n")
        controller = self.connect(daemon)
        self.assertEqual(controller.get_info("desc/download-enabled"), "1")
        self.assertEqual(controller.get_info("md/download-enabled"), "0")
        self.assertEqual(controller.get_conf("UseMicrodescriptors"), "0")
        own = self.own_descriptors()
        for node in net.nodes:
            with self.subTest(node.nickname):
                text = controller.get_info("desc/id/" + node.fingerprint)
                self.assertIn(text, own[node.fingerprint])
                self.assertEqual(controller.get_info("desc/name/" + node.nickname), text)
                parsed = stem.descriptor.server_descriptor.RelayDescriptor(text.encode("ascii") + b"\n", validate=True)
                self.assertEqual(controller.get_network_status(node.fingerprint).digest, parsed.digest())
        found = {each.fingerprint for each in controller.get_server_descriptors()}
        self.assertEqual(found, {node.fingerprint for node in net.nodes})
        with self.assertRaises(stem.ControllerError):
            controller.get_info("md/id/" + net.nodes[0].fingerprint)

    def test_paths_keep_the_rules(self):
        """Families are told apart by these descriptors too, and an exit is one."""
        daemon = self.start("UseMicrodescriptors 0\nUseEntryGuards 0\n"
                            f"ExitNodes ${net.exits[1].fingerprint}\nStrictNodes 1\n")
        controller = self.connect(daemon)
        self.check_page(daemon)
        family = {node.fingerprint for node in net.family}
        circuits = [circuit for circuit in controller.get_circuits() if len(circuit.path) == 3]
        self.assertTrue(circuits)
        for circuit in circuits:
            relays = [fingerprint for fingerprint, _ in circuit.path]
            self.assertLess(len(family & set(relays)), 2)

    def test_the_next_comes_as_a_diff(self):
        daemon = self.start("UseMicrodescriptors 0\nFetchDirInfoEarly 1\n")
        before = valid_after_of((daemon.data_dir / "cached-consensus").read_text(encoding="ascii"))
        mark = daemon.log_mark()
        daemon.wait_log(r"came as a diff of \d+ bytes in place of", NEXT_SECONDS, since=mark)
        wait_until(lambda: valid_after_of((daemon.data_dir / "cached-consensus").read_text(encoding="ascii")) > before,
                   SECONDS, "the next consensus in the cache")
        self.check_page(daemon)

    def test_switch(self):
        """Each kind has its own files: with the other one it begins anew beside what it had."""
        daemon = self.start("UseMicrodescriptors 0\n")
        self.assertEqual(daemon.stop(), 0)
        other = self.start("UseMicrodescriptors 1\n", data_dir=daemon.data_dir)
        self.check_page(other)
        self.assertEqual(self.cached(other), NS_FILES | MICRO_FILES)
        self.assertNotIn("refused", other.log_text())


class UselessTest(FlavoursTestCase):
    def test_both(self):
        daemon = self.start("FetchUselessDescriptors 1\n")
        controller = self.connect(daemon)
        self.check_page(daemon)
        self.assertEqual(controller.get_info("md/download-enabled"), "1")
        wait_until(lambda: len(list(controller.get_server_descriptors())) == len(net.nodes), SECONDS,
                   "every server descriptor")
        self.assertEqual(len(list(controller.get_microdescriptors())), len(net.nodes))
        self.assertEqual(self.cached(daemon), NS_FILES | MICRO_FILES)
        self.assertIn(controller.get_info("desc/id/" + net.exits[0].fingerprint),
                      self.own_descriptors()[net.exits[0].fingerprint])


if __name__ == "__main__":
    unittest.main()
