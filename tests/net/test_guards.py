# SPDX-License-Identifier: BSD-3-Clause
# Guards on a private network of four: the same one for everything, over restarts and kill -9; the next one when it is
# gone, and back; guards of a real C Tor taken over; state files that are not ours; circuits that wait for a better guard;
# another set of guards for users who leave few.

import contextlib
import json
import queue
import subprocess
import time
import unittest

import stem
import stem.control

from tests.net import Cepad, Network, TorClient, curl, socks, wait_until
from tests.net.clients import REPOSITORY
from tests.net.events import attachments, circuits
from tests.net.web import PAGE

# A guard that refuses connections costs little; one that keeps silent a time-out.
FAILOVER_SECONDS = 60
CONTROL = "ControlPort 127.0.0.1:auto\nCookieAuthentication 1\n"
PORT = r"control\.tor: Opened Control listener connection \(ready\) on 127\.0\.0\.1:(\d+)"
# Fewer than two of the four guards are few; circuits wait eight seconds for a better guard, and fourteen in vain.
PARAMS = {"guard-meaningful-restriction-percent": 60, "guard-nonprimary-guard-connect-timeout": 8,
          "guard-nonprimary-guard-idle-timeout": 14}

MODULE = contextlib.ExitStack()
net = None


def setUpModule():
    global net
    net = MODULE.enter_context(Network(voting_interval=600, params=PARAMS))


def tearDownModule():
    MODULE.close()


class GuardTest(unittest.TestCase):
    def setUp(self):
        self.mark = 0

    def start(self, **options):
        daemon = self.enterContext(Cepad(net, **options))
        daemon.wait_bootstrapped()
        return daemon

    def restart(self, daemon):
        """Starts it again after it has ended; what it logged before does not count any more."""
        self.mark = len(daemon.log_text())
        daemon.restart()
        wait_until(lambda: "Bootstrapped 100% (done)" in daemon.log_text()[self.mark:], 60, "the bootstrap")

    def connect(self, daemon):
        port = int(daemon.wait_log(PORT, 30, since=self.mark).group(1))
        controller = stem.control.Controller.from_port(port=port)
        self.addCleanup(controller.close)
        controller.authenticate()
        return controller

    def check_page(self, daemon, user=None, timeout=20):
        result = daemon.curl(net.web_url(), user=user, timeout=timeout)
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)

    def guards_used(self, daemon):
        """Fingerprints of first relays of circuits for applications since the last mark."""
        paths = circuits(daemon.log_text()[self.mark:]).values()
        return {path[0] for path in paths if len(path) == 3}

    def use(self, daemon):
        """Streams that share no circuit. The one guard that they went through."""
        for user in ("a:1", "b:1", "c:1"):
            self.check_page(daemon, user=user)
        used = self.guards_used(daemon)
        self.assertEqual(len(used), 1, used)
        return used.pop()

    def last_guard(self, daemon):
        """The guard of the circuit that opened last."""
        paths = circuits(daemon.log_text()[self.mark:])
        return [path[0] for path in paths.values() if len(path) == 3][-1]

    def state(self, daemon):
        """Guards of the state file: fingerprints in the order of sampling, and of those that were used."""
        document = json.loads((daemon.data_dir / "state").read_text())
        self.assertEqual((document["format"], document["version"]), ("cepa-state", 1))
        guards = document["sections"]["guards"]["guards"]
        confirmed = [guard for guard in guards if "confirmed_index" in guard]
        confirmed.sort(key=lambda guard: guard["confirmed_index"])
        return [guard["rsa_id"] for guard in guards], [guard["rsa_id"] for guard in confirmed]


class KeepTest(GuardTest):
    def test_same_guard_over_restarts(self):
        daemon = self.start()
        guard = self.use(daemon)
        daemon.stop()
        sampled, confirmed = self.state(daemon)
        self.assertEqual(sorted(sampled), sorted(node.fingerprint for node in net.relays))
        self.assertEqual(guard, sampled[0])
        self.assertIn(guard, confirmed)
        self.restart(daemon)
        self.assertEqual(self.use(daemon), guard)
        daemon.kill()  # nothing is written at the end
        self.assertEqual(self.state(daemon)[0], sampled)
        self.restart(daemon)
        self.assertEqual(self.use(daemon), guard)
        daemon.stop()
        self.assertEqual(self.state(daemon)[0], sampled)

    def test_foreign_state(self):
        daemon = Cepad(net)
        daemon.data_dir.mkdir(mode=0o700, parents=True)
        foreign = "# Tor state file\nTorVersion Tor 0.4.9.11\n"
        (daemon.data_dir / "state").write_text(foreign)
        self.enterContext(daemon)
        daemon.wait_bootstrapped()
        self.use(daemon)
        daemon.stop()
        self.assertEqual(len(self.state(daemon)[0]), len(net.relays))
        aside = list(daemon.data_dir.glob("state.broken-*"))
        self.assertEqual([path.read_text() for path in aside], [foreign])
        self.assertIn("it is no whole state file of Cepa's", daemon.log_text())

    def test_guards_of_c_tor(self):
        with TorClient(net) as tor:
            tor.wait_bootstrapped()
            result = curl(tor.socks_port, net.web_url(), timeout=20)
            self.assertEqual(result.returncode, 0, result)
        text = (tor.data_dir / "state").read_text()
        lines = [dict(field.split("=", 1) for field in line.split()[1:]) for line in text.splitlines()
                 if line.startswith("Guard ")]
        lines.sort(key=lambda guard: int(guard["sampled_idx"]))
        wanted = [guard["rsa_id"] for guard in lines if guard["in"] == "default"]
        confirmed = [guard["rsa_id"] for guard in lines if guard["in"] == "default" and "confirmed_on" in guard]
        daemon = Cepad(net)
        daemon.start()
        daemon.wait_log("Bootstrapped 5%", 30)
        daemon.stop()
        run = subprocess.run([*daemon.command(), "--import-guards", tor.data_dir / "state"], capture_output=True, text=True,
                             timeout=30, check=False)
        self.assertEqual(run.returncode, 0, run)
        self.assertIn(f"Took {len(lines)} guards", run.stdout)
        self.assertEqual(self.state(daemon)[0], wanted)
        self.assertEqual(set(self.state(daemon)[1]), set(confirmed))
        self.mark = len(daemon.log_text())
        self.enterContext(daemon)
        wait_until(lambda: "Bootstrapped 100% (done)" in daemon.log_text()[self.mark:], 60, "the bootstrap")
        self.assertEqual(self.use(daemon), wanted[0])
        run = subprocess.run([*daemon.command(), "--import-guards", REPOSITORY / "README.md"], capture_output=True, text=True,
                             timeout=30, check=False)
        self.assertEqual(run.returncode, 1, "while it runs its folder is locked")


class PathBiasTest(GuardTest):
    def path_bias(self, daemon, guard):
        """What is counted of a guard, by name."""
        document = json.loads((daemon.data_dir / "state").read_text())
        return next(entry["path_bias"] for entry in document["sections"]["guards"]["guards"] if entry["rsa_id"] == guard)

    def test_unproved_circuit_is_probed(self):
        daemon = self.start(torrc="MaxCircuitDirtiness 10 seconds\n")
        # The exit never says anything about this name, so nothing proves that the circuit works.
        with socks.dial(daemon.socks_port) as sock:
            sock.sendall(socks.GREETING + socks.request_bytes("silent.cepa.test", 80))
            self.assertEqual(socks.read_exactly(sock, 2), socks.GREETING_ANSWER)
            daemon.wait_log(r"stream \d+ attached to circuit", 20)
        daemon.wait_log(r"circuit \d+ passes its probe", 40)
        guard = self.last_guard(daemon)
        daemon.stop()
        bias = self.path_bias(daemon, guard)
        # The stream was tried on more than one circuit; those that are open at the end count as good.
        self.assertGreaterEqual(bias["use_attempts"], 1, bias)
        self.assertEqual((bias["use_successes"], bias.get("unusable_circuits", 0)), (bias["use_attempts"], 0), bias)
        self.assertGreaterEqual(bias["circ_attempts"], bias["circ_successes"])

    def test_used_circuit_counts(self):
        daemon = self.start()
        guard = self.use(daemon)
        daemon.stop()
        bias = self.path_bias(daemon, guard)
        self.assertGreaterEqual(bias["use_attempts"], 3)
        self.assertEqual(bias["use_attempts"], bias["use_successes"], bias)
        self.assertEqual(bias.get("unusable_circuits", 0), 0, bias)


class FailoverTest(GuardTest):
    def test_guard_dies_and_returns(self):
        daemon = self.start()
        first = self.use(daemon)
        node = net.node(first)
        self.addCleanup(lambda: node.alive or node.restart())
        node.kill()
        self.check_after_death(daemon, {first})
        second = self.last_guard(daemon)
        daemon.stop()
        sampled, confirmed = self.state(daemon)
        self.assertEqual(sampled[0], first)
        self.assertIn(second, confirmed)
        node.restart()
        # What is down is not kept: at the next start the first one is tried first again, and works.
        self.restart(daemon)
        self.assertEqual(self.use(daemon), first)

    def test_all_primary_guards_die(self):
        daemon = self.start()
        first = self.use(daemon)
        daemon.stop()
        sampled = self.state(daemon)[0]
        self.assertEqual(first, sampled[0])
        for fingerprint in sampled[:3]:
            node = net.node(fingerprint)
            self.addCleanup(lambda node=node: node.alive or node.restart())
            node.kill()
        self.mark = len(daemon.log_text())
        daemon.start()
        self.check_after_death(daemon, set(sampled[:3]))
        self.assertEqual(self.last_guard(daemon), sampled[3])

    def check_after_death(self, daemon, dead):
        """Pages work again, over other guards."""
        deadline = time.monotonic() + FAILOVER_SECONDS
        while True:
            result = daemon.curl(net.web_url(), user="after:1", timeout=FAILOVER_SECONDS)
            if result.returncode == 0 or time.monotonic() > deadline:
                break
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)
        self.assertNotIn(self.last_guard(daemon), dead)


class WaitTest(GuardTest):
    def start_without_primary(self):
        """A client whose one primary guard is dead and whose next best keeps silent. The fingerprints of the two that follow, and
        a controller with its circuit events."""
        # No circuit goes on over the dead one.
        behind = ",".join(node.fingerprint for node in net.exits)
        daemon = self.start(torrc=CONTROL + f"NumPrimaryGuards 1\nMiddleNodes {behind}\n")
        dead = net.node(self.use(daemon))
        self.addCleanup(lambda: dead.alive or dead.restart())
        dead.kill()
        self.check_page(daemon, timeout=FAILOVER_SECONDS)
        daemon.stop()
        sampled, confirmed = self.state(daemon)
        self.assertGreater(len(confirmed), 1)
        # Those that were used come first, each kind in the order of sampling (proposal 310).
        order = sorted(sampled, key=lambda fingerprint: (fingerprint not in confirmed, sampled.index(fingerprint)))
        self.assertEqual(order[0], dead.fingerprint)
        silent = net.node(order[1])
        self.addCleanup(silent.thaw)
        silent.freeze()
        self.mark = len(daemon.log_text())
        daemon.start()
        controller = self.connect(daemon)
        events = queue.Queue()
        controller.add_event_listener(events.put, stem.control.EventType.CIRC)
        return daemon, controller, events, order

    def next_event(self, events, wanted):
        """That a circuit may be used, or is closed."""
        while True:
            event = events.get(timeout=FAILOVER_SECONDS)
            if event.status in ("BUILT", "FAILED", "CLOSED") and wanted(event):
                return event

    def wait_for_waiting(self, controller):
        """The circuit that waits, as C Tor's controllers see it."""
        return wait_until(lambda: next((circuit for circuit in controller.get_circuits()
                                        if circuit.status == "GUARD_WAIT"), None), FAILOVER_SECONDS, "a circuit that waits")

    def test_used_when_the_better_guard_fails(self):
        daemon, controller, events, order = self.start_without_primary()
        waiting = self.wait_for_waiting(controller)
        self.assertIn(waiting.path[0][0], order[2:])
        self.assertEqual(len(waiting.path), 3)
        self.check_page(daemon, timeout=FAILOVER_SECONDS)
        event = self.next_event(events, lambda event: event.id == waiting.id)
        self.assertEqual((event.status, event.path), ("BUILT", waiting.path))
        self.assertNotIn(self.last_guard(daemon), order[:2])

    def test_not_used_when_the_better_guard_answers(self):
        daemon, controller, events, order = self.start_without_primary()
        waiting = self.wait_for_waiting(controller)
        net.node(order[1]).thaw()
        self.check_page(daemon, timeout=FAILOVER_SECONDS)
        event = self.next_event(events, lambda event: event.status == "BUILT" and len(event.path) == 3
                                and event.purpose == "GENERAL")
        self.assertEqual(event.path[0][0], order[1])
        # The other one is closed after its time, and was never used.
        event = self.next_event(events, lambda event: event.id == waiting.id)
        self.assertEqual(event.status, "CLOSED")


class RestrictedTest(GuardTest):
    SWITCHED = r'Guards are now of the set "(\w+)"'

    def sets(self, daemon):
        """Guards of the state file by set: those that were used, in that order."""
        document = json.loads((daemon.data_dir / "state").read_text())
        found = {"default": [], "restricted": []}
        for guard in sorted(document["sections"]["guards"]["guards"], key=lambda guard: guard.get("confirmed_index", -1)):
            if "confirmed_index" in guard:
                found[guard["selection"]].append(guard["rsa_id"])
        return found

    def switch(self, daemon, change, expected):
        self.mark = len(daemon.log_text())
        change()
        self.assertEqual(daemon.wait_log(self.SWITCHED, 30, since=self.mark).group(1), expected)
        self.mark = len(daemon.log_text())
        for user in ("a:1", "b:1", "c:1"):
            self.check_page(daemon, user=user)
        # Circuits that were on their way before may open, and are not used.
        used = {circuits(daemon.log_text())[circuit][0]
                for _, circuit in attachments(daemon.log_text()[self.mark:])}
        self.assertEqual(len(used), 1, used)
        return used.pop()

    def test_few_entry_nodes(self):
        """One relay that may be a guard: another set, which is kept apart; without the restriction the former one is back."""
        daemon = self.start(torrc=CONTROL)
        controller = self.connect(daemon)
        first = self.use(daemon)
        only = next(node for node in net.relays if node.fingerprint != first)
        self.assertEqual(self.switch(daemon, lambda: controller.set_conf("EntryNodes", only.fingerprint), "restricted"),
                         only.fingerprint)
        self.assertEqual(self.switch(daemon, lambda: controller.reset_conf("EntryNodes"), "default"), first)
        # The same by what can be reached.
        other = next(node for node in net.relays if node.fingerprint not in (first, only.fingerprint))
        self.assertEqual(self.switch(daemon, lambda: controller.set_conf("ReachableAddresses", f"{other.address}:*"),
                                     "restricted"), other.fingerprint)
        self.assertEqual(self.switch(daemon, lambda: controller.reset_conf("ReachableAddresses"), "default"), first)
        controller.close()
        daemon.stop()
        kept = self.sets(daemon)
        self.assertIn(first, kept["default"])
        self.assertEqual(kept["restricted"], [only.fingerprint, other.fingerprint])


if __name__ == "__main__":
    unittest.main()
