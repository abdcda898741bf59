# SPDX-License-Identifier: BSD-3-Clause
# Circuits as onion services use them, through real relays: how long they are, and over whom they go.

import contextlib
import os
import queue
import re
import subprocess
import unittest

import stem
import stem.control
import stem.response.events

from tests.net import Cepad, Network, wait_until
from tests.net.events import circuits
from tests.net.process import find_program

SECONDS = 30
OBJECT = "/org/cepa/Cepa1"
PORT = r"control\.tor: Opened Control listener connection \(ready\) on 127\.0\.0\.1:(\d+)"

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
        path = wait_until(lambda: self.path_when_open(daemon, number), SECONDS, f"circuit {number}")
        self.call(daemon, "Circuits1.Close", number, "false")
        return [net.node(fingerprint).nickname for fingerprint in path]

    def path_when_open(self, daemon, number):
        """As long as it is to be: one that was kept ready has opened before."""
        rows = self.call(daemon, "Circuits1.List").split("{")
        row = next(row for row in rows if f"'id': <uint64 {number}>" in row)
        return circuits(daemon.log_text())[int(number)] if "'state': <'open'>" in row else None

    def test_kept_ready(self):
        """After the first circuit for onion services three more are there: the next purposes take those, and C Tor's controllers
        are told so."""
        daemon = self.start("ControlPort 127.0.0.1:auto\nCookieAuthentication 1\n")
        controller = stem.control.Controller.from_port(port=int(daemon.wait_log(PORT, SECONDS).group(1)))
        self.addCleanup(controller.close)
        controller.authenticate()

        def ready():
            return {circuit.id: circuit for circuit in controller.get_circuits()
                    if circuit.purpose == "HS_VANGUARDS" and circuit.status == "BUILT"}
        self.assertEqual(ready(), {})
        self.build(daemon, "hs-client-rend")
        before = wait_until(lambda: len(ready()) == 3 and ready(), SECONDS, "three circuits kept ready")
        self.assertEqual({len(circuit.path) for circuit in before.values()}, {3})
        self.assertEqual({circuit.build_flags for circuit in before.values()},
                         {("IS_INTERNAL", "NEED_CAPACITY", "NEED_UPTIME")})
        events = queue.Queue()
        controller.add_event_listener(events.put, stem.control.EventType.CIRC, stem.control.EventType.CIRC_MINOR)
        target = next(node for node in net.relays
                      if all(node.fingerprint not in dict(circuit.path[1:]) for circuit in before.values()))
        path = self.build(daemon, "hs-client-intro", target)
        self.assertEqual((len(path), path[-1]), (4, target.nickname))
        told = [events.get(timeout=SECONDS) for _ in range(4)]
        self.assertEqual(told[0].id, told[1].id)
        self.assertEqual([net.node(fingerprint).nickname for fingerprint, _ in before[told[0].id].path], path[:3])
        self.assertEqual([(event.event, event.purpose, event.old_purpose) for event in told[:2]],
                         [("PURPOSE_CHANGED", "HS_CLIENT_INTRO", "HS_VANGUARDS"),
                          ("CANNIBALIZED", "HS_CLIENT_INTRO", "HS_VANGUARDS")])
        self.assertEqual(told[1].created, before[told[1].id].created)
        self.assertEqual(told[1].keyword_args["OLD_TIME_CREATED"], told[1].keyword_args["TIME_CREATED"])
        wait_until(lambda: len(ready()) == 3, SECONDS, "another in its place")
        while not {("EXTENDED", 4), ("BUILT", 4)} <= {(event.status, len(event.path)) for event in told
                                                      if isinstance(event, stem.response.events.CircuitEvent)
                                                      and event.id == told[0].id}:
            told.append(events.get(timeout=SECONDS))
        # A new identity: none of these is kept.
        former = ready()
        controller.signal(stem.Signal.NEWNYM)
        wait_until(lambda: len(ready()) == 3 and not set(former) & set(ready()), SECONDS, "others")

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
