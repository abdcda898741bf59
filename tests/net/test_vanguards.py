# SPDX-License-Identifier: BSD-3-Clause
# Circuits as onion services use them, through real relays: how long they are, and over whom they go.

import contextlib
import os
import re
import subprocess
import unittest

from tests.net import Cepad, Network
from tests.net.events import circuits
from tests.net.process import find_program

SECONDS = 30
OBJECT = "/org/cepa/Cepa1"

# Relays of a path without and with HSLayer3Nodes, and whether it has a target (C Tor's manual page, HSLayer2Nodes).
SHAPES = {"hs-vanguards": (3, 4, False), "hs-client-hsdir": (4, 5, True), "hs-client-intro": (4, 5, True),
          "hs-client-rend": (3, 4, False), "hs-service-hsdir": (4, 4, True), "hs-service-intro": (4, 4, True),
          "hs-service-rend": (4, 5, True)}

MODULE = contextlib.ExitStack()
net = None


def setUpModule():
    global net
    net = MODULE.enter_context(Network(voting_interval=1800))


def tearDownModule():
    MODULE.close()


class VanguardsTest(unittest.TestCase):
    def start(self, torrc=""):
        daemon = self.enterContext(Cepad(net, torrc=torrc))
        daemon.wait_bootstrapped()
        return daemon

    def call(self, daemon, method, *args):
        run = subprocess.run([find_program("gdbus"), "call", "--address", f"unix:path={daemon.runtime_dir}/cepa/bus",
                              "--dest", "org.cepa.Cepa1", "--object-path", OBJECT, "--method", f"org.cepa.{method}", *args],
                             capture_output=True, text=True, timeout=SECONDS, check=False,
                             env={**os.environ, "XDG_RUNTIME_DIR": str(daemon.runtime_dir)})
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def build(self, daemon, purpose, target=None):
        """The names of the relays of a circuit that was built."""
        exit_key = f", 'exit': <'{target.fingerprint}'>" if target else ""
        number = re.search(r"uint64 (\d+)",
                           self.call(daemon, "Circuits1.Build", f"{{'purpose': <'{purpose}'>{exit_key}}}")).group(1)
        daemon.wait_log(rf"circuit {number} open through")
        path = circuits(daemon.log.text())[int(number)]
        self.call(daemon, "Circuits1.Close", number, "false")
        return [net.node(fingerprint).nickname for fingerprint in path]

    def test_lite(self):
        daemon = self.start()
        guards, second = set(), set()
        for number, (purpose, (n_hops, _, has_target)) in enumerate(list(SHAPES.items()) * 3):
            target = net.relays[number % len(net.relays)] if has_target else None
            with self.subTest(purpose, target=target and target.nickname):
                path = self.build(daemon, purpose, target)
                self.assertEqual(len(path), n_hops)
                self.assertEqual(path[-1], target.nickname if target else path[-1])
                self.assertTrue(all(a not in path[max(0, i - 2):i] for i, a in enumerate(path)), path)
                guards.add(path[0])
                second.add(path[1])
        self.assertEqual(len(guards), 1, "the guard does not change with the target")
        self.assertLessEqual(len(second), 4)
        # A new identity brings others, of which four are drawn.
        self.call(daemon, "Client1.NewIdentity")
        self.assertEqual(len(self.build(daemon, "hs-client-rend")), 3)

    def test_full(self):
        third = net.node("exit1"), net.node("exit2")
        daemon = self.start(f"HSLayer2Nodes {net.node('exit3').fingerprint}\n"
                            f"HSLayer3Nodes {third[0].fingerprint},{third[1].nickname}")
        for purpose, (_, n_hops, has_target) in SHAPES.items():
            target = net.node("auth1") if has_target else None
            with self.subTest(purpose):
                path = self.build(daemon, purpose, target)
                self.assertEqual(len(path), n_hops)
                self.assertEqual(path[1], "exit3")
                self.assertIn(path[2], ("exit1", "exit2"))


if __name__ == "__main__":
    unittest.main()
