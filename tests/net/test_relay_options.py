# SPDX-License-Identifier: BSD-3-Clause
# What the user says of relays, on a network of C Tor relays: who may stand where, by name, address and country; what may
# be connected to; families of his own; and all of it while the daemon runs.

import contextlib
import ipaddress
import unittest

import stem
import stem.control

from tests.net import Cepad, Network
from tests.net.events import attachments, circuits

N_PAGES = 8
MODULE = contextlib.ExitStack()
net = None
geoip = None

# Who is in which made-up country; nobody knows of the others.
COUNTRIES = {"exit1": "DE", "exit2": "FR", "relay1": "DE", "relay2": "IT"}


def setUpModule():
    global net, geoip
    net = MODULE.enter_context(Network(voting_interval=1800, family=False))
    lines = ["# made up\n"]
    for name, country in COUNTRIES.items():
        number = int(ipaddress.ip_address(net.node(name).address))
        lines.append(f"{number},{number},{country}\n")
    lines.append("banana\n")
    geoip = net.dir / "geoip"
    geoip.write_text("".join(lines), encoding="ascii")


def tearDownModule():
    MODULE.close()


class RelayOptionsTest(unittest.TestCase):
    def start(self, torrc):
        lines = f"ControlPort 127.0.0.1:auto\nCookieAuthentication 0\nGeoIPFile {geoip}\n{torrc}"
        daemon = self.enterContext(Cepad(net, torrc=lines))
        daemon.wait_bootstrapped()
        return daemon

    def controller(self, daemon):
        port = int(daemon.wait_log(r"Opened Control listener connection \(ready\) on 127\.0\.0\.1:(\d+)").group(1))
        controller = self.enterContext(stem.control.Controller.from_port(port=port))
        controller.authenticate()
        return controller

    def fetch(self, daemon, user):
        """Over a circuit of its own, because of its SOCKS user; returns the names of that circuit's relays."""
        mark = len(attachments(daemon.log.text()))
        result = daemon.curl(f"http://127.0.0.1:{net.web_port}/", user=f"{user}:x")
        self.assertEqual(result.returncode, 0, result)
        text = daemon.log.text()
        (_, circuit), = attachments(text)[mark:]
        return self.names(circuits(text)[circuit])

    def names(self, fingerprints):
        return tuple(net.node(fingerprint).nickname for fingerprint in fingerprints)

    def paths(self, daemon):
        """All there were, ahead of use too, without those of one relay for the directory."""
        return [path for path in map(self.names, circuits(daemon.log.text()).values()) if len(path) > 1]

    def test_who_may_stand_where(self):
        relay3, relay4, exit2 = (net.node(name) for name in ("relay3", "relay4", "exit2"))
        daemon = self.start(f"EntryNodes relay1,relay2, {relay3.address}\n"
                            f"EntryNodes ${relay4.fingerprint}\n"
                            f"ExcludeNodes relay3,{relay4.fingerprint}~relay4\n"
                            f"ExcludeExitNodes [2001:db8::]/32, {exit2.address}/16\n")
        for number in range(N_PAGES):
            self.fetch(daemon, f"user{number}")
        paths = self.paths(daemon)
        self.assertGreaterEqual(len(paths), N_PAGES)
        for path in paths:
            self.assertIn(path[0], ("relay1", "relay2"), path)
            self.assertFalse({"relay3", "relay4"} & set(path), path)
            self.assertNotEqual(path[-1], "exit2", path)
        # An exit that may not be last may stand in the middle.
        self.assertEqual({path[-1] for path in paths}, {"exit1", "exit3"})

    def test_countries(self):
        daemon = self.start("ExitNodes {de},{qq}\nExcludeNodes {IT}\nGeoIPExcludeUnknown 0\n")
        controller = self.controller(daemon)
        daemon.wait_log(r"1 of the lines with countries of IPv4 addresses are damaged and left out; the first is line 6: "
                        r'"banana"')
        daemon.wait_log(r"ExitNodes: no address is in a country \{qq\}")
        for number in range(N_PAGES):
            path = self.fetch(daemon, f"user{number}")
            self.assertEqual(path[-1], "exit1", path)
            self.assertNotIn("relay2", path)
        self.assertEqual(controller.get_info("ip-to-country/ipv4-available"), "1")
        self.assertEqual(controller.get_info(f"ip-to-country/{net.node('exit2').address}"), "fr")
        self.assertEqual(controller.get_info(f"ip-to-country/{net.node('exit3').address}"), "??")
        # With auto, relays of no known country are excluded as well: three are left, of which one is a guard.
        controller.set_conf("GeoIPExcludeUnknown", "auto")
        controller.set_conf("ExitNodes", "{de},{fr}")
        for number in range(3):
            self.assertLessEqual(set(self.fetch(daemon, f"known{number}")), {"exit1", "exit2", "relay1"})

    def test_exit_country_of_a_user(self):
        daemon = self.start("")
        for number in range(3):
            self.assertEqual(self.fetch(daemon, f"user{number}+exit=fr")[-1], "exit2")
            self.assertEqual(self.fetch(daemon, f"user{number}+exit=DE")[-1], "exit1")
        refused = daemon.curl(f"http://127.0.0.1:{net.web_port}/", user="user+exit=it:x")
        self.assertNotEqual(refused.returncode, 0)

    def test_while_it_runs(self):
        daemon = self.start("")
        controller = self.controller(daemon)
        first = self.fetch(daemon, "user")
        controller.set_conf("ExcludeNodes", first[-1])
        # The same user, whose circuit was good until now.
        for number in range(3):
            self.assertNotIn(first[-1], self.fetch(daemon, "user"))
        with self.assertRaises(stem.InvalidRequest):
            controller.set_conf("ExcludeNodes", "{deu}")
        self.assertEqual(controller.get_conf("ExcludeNodes"), first[-1])
        controller.reset_conf("ExcludeNodes")
        controller.set_conf("ExitNodes", "{fr}")
        for number in range(3):
            self.assertEqual(self.fetch(daemon, f"next{number}")[-1], "exit2")

    def test_what_can_be_reached(self):
        allowed = [net.authorities[0], net.node("relay1"), net.node("relay2")]
        rules = ",".join(f"{node.address}:{node.or_port}" for node in allowed)
        daemon = self.start(f"ReachableAddresses reject {net.node('relay2').address}\nReachableAddresses {rules}\n")
        for number in range(N_PAGES):
            path = self.fetch(daemon, f"user{number}")
            self.assertEqual(path[0], "relay1", path)
        connected = {entry.split("~")[-1].split()[0]
                     for entry in self.controller(daemon).get_info("orconn-status").splitlines()}
        self.assertLessEqual(connected, {"relay1", allowed[0].nickname})

    def test_family(self):
        names = ["exit1", "exit2", "relay1", "relay2"]
        daemon = self.start(f"NodeFamily {','.join(names)}\n")
        for number in range(N_PAGES):
            self.fetch(daemon, f"user{number}")
        for path in self.paths(daemon):
            self.assertLessEqual(len(set(path) & set(names)), 1, path)

    def test_no_file(self):
        daemon = self.start("ExcludeNodes {de}\nGeoIPFile /nowhere/geoip\nGeoIPv6File /nowhere/geoip6\n")
        daemon.wait_log(r"countries: cannot read /nowhere/geoip")
        daemon.wait_log(r"the countries in ExcludeNodes.* mean nothing, for there is no GeoIPFile")
        self.fetch(daemon, "user")


if __name__ == "__main__":
    unittest.main()
