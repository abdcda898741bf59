# SPDX-License-Identifier: BSD-3-Clause
# The rules of paths on a network that has what they are about: families by list and by id, relays of one /16, an exit
# that is a bad one, and exits that do not let all ports through.

import contextlib
import http.server
import ipaddress
import itertools
import re
import shutil
import subprocess
import threading
import unittest

import stem.control

from tests.net import Cepad, Network
from tests.net.events import attachments, circuits
from tests.net.process import find_program
from tests.net.web import free_port

# Each with a guard of its own drawing: one that has no clash could hide that a rule is not kept.
N_DAEMONS = 4
N_PAGES = 12

# Who is of one family: by MyFamily on both sides, or by a key that both have.
LISTED = ("relay1", "exit1")
BY_ID = ("relay2", "exit2")
# Who are in one /16.
NEAR = ("relay3", "exit3")
# relay4 says that it is of exit3's family, and exit3 does not: they are not.
ONE_SIDED = ("relay4", "exit3")
BAD = "exit4"
# Who lets through the web server's port alone, or the other server's alone.
WEB_ONLY = "exit1"
OTHER_ONLY = "exit5"

MODULE = contextlib.ExitStack()
net = None
other_port = None


class QuietHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class RulesNetwork(Network):
    """A Network whose nodes have these families, addresses and policies."""

    def _make_nodes(self):
        super()._make_nodes()
        one, other = (self.node(name) for name in NEAR)
        first = ipaddress.ip_address(one.address).packed
        other.address = str(ipaddress.ip_address(first[:2] + bytes((first[2] ^ 1, first[3]))))
        other.or_port = free_port(other.address)

    def _make_keys(self):
        super()._make_keys()
        base = self.dir / "family"
        subprocess.run([find_program("tor"), "--defaults-torrc", self.dir / "empty", "-f", self.dir / "empty",
                        "--keygen-family", base], check=True, capture_output=True)
        self.family_id = base.with_suffix(".public_family_id").read_text(encoding="ascii").strip()
        lines = {name: "" for name in ("relay1", "relay2", "relay4", "exit1", "exit2", "exit5")}
        for name, kin in (LISTED, LISTED[::-1], ONE_SIDED):
            lines[name] += f"MyFamily ${self.node(kin).fingerprint}\n"
        for name in BY_ID:
            keys = self.node(name).data / "keys"
            shutil.copy(base.with_suffix(".secret_family_key"), keys / "family.secret_family_key")
            lines[name] += f"FamilyId {self.family_id}\n"
        for name, port in ((WEB_ONLY, self.web_port), (OTHER_ONLY, other_port)):
            lines[name] += f"ExitPolicy accept *:{port}\nExitPolicy reject *:*\n"
        lines["authority"] = f"AuthDirListBadExits 1\nAuthDirBadExit {self.node(BAD).address}\n"
        self._extra = lines

    def _has_directory(self, node):
        microdescs = node.known_microdescs()
        return bool(node.consensus_text()) and all(other.ed25519 in microdescs for other in self.nodes)


def setUpModule():
    global net, other_port
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), QuietHandler)
    other_port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    MODULE.callback(server.server_close)
    MODULE.callback(server.shutdown)
    net = MODULE.enter_context(RulesNetwork(relays=5, exits=5, voting_interval=1800, family=False))


def tearDownModule():
    MODULE.close()


class RulesTest(unittest.TestCase):
    def start(self):
        daemon = self.enterContext(Cepad(net, torrc="ControlPort 127.0.0.1:auto\nCookieAuthentication 0\n"))
        daemon.wait_bootstrapped()
        return daemon

    def controller(self, daemon):
        port = int(daemon.wait_log(r"Opened Control listener connection \(ready\) on 127\.0\.0\.1:(\d+)").group(1))
        controller = self.enterContext(stem.control.Controller.from_port(port=port))
        controller.authenticate()
        return controller

    def fetch(self, daemon, number, port):
        """Over a circuit of its own, because of its SOCKS user."""
        result = daemon.curl(f"http://127.0.0.1:{port}/", user=f"user{number}-{port}:x")
        self.assertEqual(result.returncode, 0, result)

    def names(self, fingerprints):
        return tuple(net.node(fingerprint).nickname for fingerprint in fingerprints)

    def paths(self, daemon):
        """By the log, all that there were; by the control port, those that there are and have all their relays."""
        found = [self.names(path) for path in circuits(daemon.log.text()).values()]
        for circuit in self.controller(daemon).get_circuits():
            if circuit.status == "BUILT":
                found.append(self.names(fingerprint for fingerprint, _ in circuit.path))
        return [path for path in found if len(path) > 1]

    def test_the_network_is_as_meant(self):
        # Authorities have made them by other methods too, without the ids.
        microdescs = net.relays[0].known_microdescs()
        by_name = {node.nickname: microdescs[node.ed25519] for node in net.nodes}
        for one, other in (LISTED, LISTED[::-1], ONE_SIDED):
            self.assertRegex(by_name[one], rf"\nfamily .*\${net.node(other).fingerprint}\b")
        self.assertNotIn("\nfamily ", by_name[ONE_SIDED[1]])
        for name in BY_ID:
            self.assertIn(f"family-ids ed25519:{net.family_id}", by_name[name])
        self.assertRegex(net.consensus_text(), rf"(?s)\nr {BAD} [^\n]*\n[^\n]*\n(a [^\n]*\n)?s BadExit Exit ")
        self.assertIn(f"\np accept {other_port}\n", by_name[OTHER_ONLY])
        self.assertEqual(*(net.node(name).address.split(".")[:2] for name in NEAR))

    def test_no_circuit_breaks_a_rule(self):
        seen = set()
        for _ in range(N_DAEMONS):
            daemon = self.start()
            for number in range(N_PAGES):
                self.fetch(daemon, number, net.web_port)
            paths = self.paths(daemon)
            self.assertGreaterEqual(len(paths), N_PAGES)
            for path in paths:
                pairs = {frozenset(pair) for pair in itertools.combinations(path, 2)}
                self.assertEqual(len(set(path)), len(path), path)
                for kin in (LISTED, BY_ID, NEAR):
                    self.assertNotIn(frozenset(kin), pairs, path)
                self.assertNotEqual(path[-1], BAD, path)
                seen |= pairs
            daemon.stop()
        # Enough was drawn for a rule to be broken: a few dozen of the pairs that there can be.
        self.assertGreater(len(seen), 15)

    def test_exits_let_the_port_through(self):
        daemon = self.start()
        used = {net.web_port: set(), other_port: set()}
        for number in range(N_PAGES):
            for port, names in used.items():
                mark = len(attachments(daemon.log.text()))
                self.fetch(daemon, number, port)
                text = daemon.log.text()
                names |= {self.names(circuits(text)[circuit])[-1] for _, circuit in attachments(text)[mark:]}
        self.assertFalse(used[net.web_port] & {OTHER_ONLY, BAD}, used)
        self.assertFalse(used[other_port] & {WEB_ONLY, BAD}, used)
        # The restricted ones are used where they can be.
        self.assertGreater(len(used[net.web_port]), 1, used)
        self.assertGreater(len(used[other_port]), 1, used)
        # A stream that was refused by an exit would have been tried on another circuit.
        self.assertNotRegex(daemon.log.text(), r"(?i)exit ?policy")


if __name__ == "__main__":
    unittest.main()
