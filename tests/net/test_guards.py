# SPDX-License-Identifier: BSD-3-Clause
# Guards on a private network of four: the same one for everything, over restarts and kill -9; the next one when it is
# gone, and back; guards of a real C Tor taken over; state files that are not ours.

import contextlib
import json
import subprocess
import time
import unittest

from tests.net import Cepad, Network, TorClient, curl, socks, wait_until
from tests.net.clients import REPOSITORY
from tests.net.events import circuits
from tests.net.web import PAGE

# A guard that refuses connections costs little; one that keeps silent a time-out.
FAILOVER_SECONDS = 60

MODULE = contextlib.ExitStack()
net = None


def setUpModule():
    global net
    net = MODULE.enter_context(Network(voting_interval=600))


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


if __name__ == "__main__":
    unittest.main()
