# SPDX-License-Identifier: BSD-3-Clause
# The daemon on a private network whose relays die, freeze and come back; and what it keeps over its own end.

import concurrent.futures
import contextlib
import os
import random
import time
import unittest

from tests.net import Cepad, Network, curl_start, socks, valid_after_of, wait_until
from tests.net.events import CONSENSUS_USED, attachments, bootstrap_lines, circuits
from tests.net.web import PAGE

# After an exit's end the next request has to work within this.
RECOVERY_SECONDS = 10
# A relay that keeps silent is waited for before others are tried: 10 s for each of two tries, then 15 s.
SILENCE_SECONDS = 60
LONG_SIZE = 30 << 20

MODULE = contextlib.ExitStack()
net = None
long = os.urandom(LONG_SIZE)


def setUpModule():
    global net
    net = MODULE.enter_context(Network(voting_interval=600))
    (net.web.dir / "www" / "long").write_bytes(long)


def tearDownModule():
    MODULE.close()


class FailureTest(unittest.TestCase):
    def cepad(self, **options):
        daemon = self.enterContext(Cepad(net, **options))
        daemon.wait_bootstrapped()
        return daemon

    def check_page(self, daemon, timeout=RECOVERY_SECONDS):
        result = daemon.curl(net.web_url(), timeout=timeout)
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)

    def path_of_last_stream(self, daemon):
        """The nodes of the circuit that the last stream was attached to, guard first."""
        _, circuit = attachments(daemon.log_text())[-1]
        return [net.node(fingerprint) for fingerprint in circuits(daemon.log_text())[circuit]]

    def start_download(self, daemon, url):
        run = curl_start(daemon.socks_port, url, timeout=120)
        self.addCleanup(run.process.kill)
        wait_until(lambda: run.received > 100000, 30, "the first bytes")
        return run

    def back_to_life(self, node):
        """To be called before a node is killed."""
        self.addCleanup(lambda: node.alive or node.restart())


class DeathTest(FailureTest):
    def check_death(self, place):
        daemon = self.cepad()
        run = self.start_download(daemon, net.slow_url)
        node = self.path_of_last_stream(daemon)[place]
        self.back_to_life(node)
        node.kill()
        # A connection that was there ends: 18 is "transfer closed with data remaining", 56 a reset.
        result = run.finish()
        self.assertIn(result.returncode, (18, 56), result)
        began = time.monotonic()
        self.check_page(daemon)
        self.assertLess(time.monotonic() - began, RECOVERY_SECONDS)
        self.assertNotIn(node, self.path_of_last_stream(daemon))

    def test_exit_dies_in_mid_transfer(self):
        self.check_death(2)

    def test_middle_dies_in_mid_transfer(self):
        self.check_death(1)

    def test_guard_dies_in_mid_transfer(self):
        self.check_death(0)

    def test_exit_dies_before_it_answered(self):
        """Nothing was lost yet: the request goes to another exit, and the application sees only that."""
        daemon = self.cepad()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            name = f"late{random.randrange(1 << 30)}.cepa.test"
            net.dns.names[name] = None
            asking = pool.submit(socks.ask, daemon.socks_port, name, net.web_port)
            wait_until(lambda: attachments(daemon.log_text()), 10, "the stream on a circuit")
            node = self.path_of_last_stream(daemon)[2]
            net.dns.names[name] = ["127.0.0.1"]
            self.back_to_life(node)
            node.kill()
            self.assertEqual(asking.result(30), socks.SUCCEEDED)
        streams = attachments(daemon.log_text())
        self.assertEqual(len({stream for stream, _ in streams}), 1)
        self.assertGreater(len({circuit for _, circuit in streams}), 1)


class FrozenTest(FailureTest):
    def freeze(self, node):
        self.addCleanup(node.thaw)
        node.freeze()

    def check_frozen(self, place):
        daemon = self.cepad()
        self.check_page(daemon)
        node = self.path_of_last_stream(daemon)[place]
        self.freeze(node)
        self.check_page(daemon, SILENCE_SECONDS)
        self.assertNotIn(node, self.path_of_last_stream(daemon))
        # And from then on without waiting.
        self.check_page(daemon)
        node.thaw()
        self.check_page(daemon)

    def test_guard_freezes(self):
        self.check_frozen(0)

    def test_exit_freezes(self):
        self.check_frozen(2)

    def test_a_pause_in_mid_transfer(self):
        """Shorter than any deadline: the transfer goes on where it was."""
        daemon = self.cepad()
        run = self.start_download(daemon, net.web_url("/long"))
        node = self.path_of_last_stream(daemon)[0]
        self.freeze(node)
        seen = [run.received, time.monotonic()]

        def stands_still():
            if run.received != seen[0]:
                seen[:] = [run.received, time.monotonic()]
            return time.monotonic() - seen[1] > 1
        wait_until(stands_still, 30, "the download standing still")
        self.assertLess(run.received, LONG_SIZE)
        node.thaw()
        result = run.finish()
        self.assertEqual(result.returncode, 0, result)
        self.assertEqual(result.body, long)


class CacheTest(FailureTest):
    def stop_authorities(self):
        for node in net.authorities:
            self.back_to_life(node)
            node.stop()

    def test_restart_without_authorities(self):
        daemon = self.cepad()
        self.check_page(daemon)
        self.assertEqual(daemon.stop(), 0)
        self.stop_authorities()
        mark = daemon.log_mark()
        daemon.start()
        daemon.wait_bootstrapped()
        self.check_page(daemon)
        text = daemon.log.text(mark)
        lines = bootstrap_lines(text)
        self.assertEqual([line[1] for line in lines[:2]], ["starting", "enough_dirinfo"])
        self.assertIn((75, "enough_dirinfo", "Loaded enough directory info to build circuits"), lines)
        for node in net.authorities:
            self.assertNotIn(node.fingerprint, text)

    def test_killed_at_each_step(self):
        """The power fails: whatever was written, the next start works, and with what was there."""
        folder = self.enterContext(contextlib.ExitStack())
        daemon = Cepad(net)
        folder.callback(daemon.kill)
        for percent in (25, 30, 40, 45, 75, 100):
            mark = daemon.log_mark()
            daemon.start()
            try:
                daemon.wait_log(rf"Bootstrapped ({percent}|100)% ", 30, since=mark)
            finally:
                daemon.kill()
        daemon.start()
        daemon.wait_bootstrapped()
        self.check_page(daemon)
        self.assertNotIn("refused", daemon.log_text())
        self.assertEqual(daemon.stop(), 0)

    def damage(self, path, kind):
        data = bytearray(path.read_bytes())
        if kind == "cut":
            del data[len(data) // 2:]
        elif kind == "changed":
            data[len(data) // 3] ^= 0x20
        elif kind == "noise":
            data[:] = os.urandom(5000)
        else:
            data.clear()
        path.write_bytes(data)

    def cached(self, daemon):
        """What is in the cached files, whatever they are called."""
        found = {"certs": b"", "microdesc-consensus": b"", "microdescs": b""}
        for path in daemon.data_dir.glob("cached-*"):
            found[path.name.removeprefix("cached-").removesuffix(".new")] += path.read_bytes()
        return found

    def check_damage(self, daemon, kind, path, good):
        self.damage(path, kind)
        mark = daemon.log_mark()
        daemon.start()
        daemon.wait_bootstrapped(30)
        self.check_page(daemon)
        # The cache is written by the time the daemon has ended.
        self.assertEqual(daemon.stop(), 0)
        text = daemon.log.text(mark)
        # Microdescriptors that nobody lists any more are in the cache all the time: of them nothing is said.
        if kind != "empty" and "microdescs" not in path.name:
            self.assertRegex(text, r"\[warn\] refused a (consensus|key certificate) from .*cache")
        now = self.cached(daemon)
        self.assertGreaterEqual(valid_after_of(now["microdesc-consensus"].decode()),
                                valid_after_of(good["microdesc-consensus"].decode()))
        for name, word in (("certs", b"\nfingerprint "), ("microdescs", b"onion-key\n-----BEGIN")):
            self.assertGreaterEqual(now[name].count(word), good[name].count(word))

    def test_damaged_files(self):
        daemon = self.cepad()
        self.check_page(daemon)
        self.assertEqual(daemon.stop(), 0)
        good = self.cached(daemon)
        self.assertTrue(all(good.values()), good.keys())
        names = [path.name for path in daemon.data_dir.glob("cached-*")]
        for name in names:
            for kind in ("cut", "changed", "noise", "empty"):
                with self.subTest(name, damage=kind):
                    path = daemon.data_dir / name
                    # A compacted cache has another name than one that was just added to.
                    if not path.exists():
                        path = next(daemon.data_dir.glob(name.removesuffix(".new") + "*"))
                    self.check_damage(daemon, kind, path, good)


class AuthorityTest(FailureTest):
    def test_all_silent_then_back(self):
        for node in net.authorities:
            self.addCleanup(node.thaw)
            node.freeze()
        daemon = self.enterContext(Cepad(net))
        daemon.wait_log(r"Bootstrapped 10% ", 10)
        # Ends at once also while it waits for an answer.
        other = self.enterContext(Cepad(net))
        other.wait_log(r"Bootstrapped 10% ", 10)
        began = time.monotonic()
        self.assertEqual(other.stop(), 0)
        self.assertLess(time.monotonic() - began, 2)
        for node in net.authorities:
            node.thaw()
        daemon.wait_bootstrapped(SILENCE_SECONDS)
        self.check_page(daemon)

    def test_all_dead_then_back(self):
        for node in net.authorities:
            self.back_to_life(node)
            node.kill()
        daemon = self.enterContext(Cepad(net))
        daemon.wait_log(r"closes: connecting: .*: Connection refused", 10)
        # A request meanwhile waits rather than fails.
        run = curl_start(daemon.socks_port, net.web_url(), timeout=SILENCE_SECONDS)
        self.addCleanup(run.process.kill)
        for node in net.authorities:
            node.restart()
        daemon.wait_bootstrapped(SILENCE_SECONDS)
        result = run.finish()
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)

    def test_one_is_enough(self):
        for node in net.authorities[1:]:
            self.back_to_life(node)
            node.kill()
        daemon = self.enterContext(Cepad(net))
        daemon.wait_bootstrapped(SILENCE_SECONDS)
        self.check_page(daemon)
        self.assertTrue(CONSENSUS_USED.search(daemon.log_text()))


if __name__ == "__main__":
    unittest.main()
