# SPDX-License-Identifier: BSD-3-Clause
# The private network itself, proved with C Tor's own client.

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

from tests.net import Cepad, Log, Network, ProcessDied, TorClient, curl_start, valid_after_of, wait_until
from tests.net.clients import REPOSITORY
from tests.net.dns import NameServer
from tests.net.process import Child, find_program
from tests.net.web import PAGE, ipv6_loopback

STARTER = """
import signal
from tests.net import Network
with Network(authorities=1, relays=2, exits=1) as net:
    print(net.dir, *[child.pid for child in [*net.nodes, net.web]], flush=True)
    signal.pause()
"""


def is_running(pid):
    """Whether the process lives; one that only waits to be collected does not."""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


class LogTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "log"
        self.log = Log(self.path)

    def test_waits_for_whole_lines_after_the_mark(self):
        self.path.write_text("port 12\nport 3")
        self.assertEqual(self.log.wait(r"port (\d+)", 1).group(1), "12")
        mark = len("port 12\n")
        with self.assertRaises(TimeoutError):
            self.log.wait(r"port (\d+)", 0.1, since=mark)
        with open(self.path, "a", encoding="ascii") as file:
            file.write("4\n")
        self.assertEqual(self.log.wait(r"port (\d+)", 1, since=mark).group(1), "34")

    def test_a_dead_process_is_not_waited_for(self):
        child = Child("sh", self.path)
        child.launch(["/bin/sh", "-c", "echo last words; exit 3"], output_path=self.path)
        child.process.wait()
        with self.assertRaisesRegex(ProcessDied, "(?s)sh ended with status 3 .*last words"):
            child.wait_log("never", 60)
        self.assertTrue(child.wait_log("last", 60))


class ChildTest(unittest.TestCase):
    def start(self, script):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        log = pathlib.Path(folder.name) / "out"
        child = Child("sh", log)
        child.launch(["/bin/sh", "-c", script], output_path=log)
        self.addCleanup(child.kill)
        return child

    def test_stop_returns_the_status(self):
        child = self.start("trap 'exit 7' TERM; echo up; while :; do :; done")
        child.wait_log("up", 10)
        self.assertEqual(child.stop(), 7)

    def test_stop_of_a_deaf_process_fails_and_kills(self):
        child = self.start("trap '' TERM; echo up; while :; do :; done")
        child.wait_log("up", 10)
        with self.assertRaisesRegex(TimeoutError, "did not stop"):
            child.stop(timeout=0.2)
        self.assertFalse(child.alive)

    def test_a_frozen_process_stops(self):
        child = self.start("echo up; exec cat /dev/zero > /dev/null")
        child.wait_log("up", 10)
        child.freeze()
        before = child.cpu_seconds()
        self.assertEqual(child.stop(), -signal.SIGTERM)
        self.assertGreaterEqual(before, 0)

    def test_measures(self):
        child = self.start("echo up; exec cat /dev/zero > /dev/null")
        child.wait_log("up", 10)
        wait_until(lambda: child.cpu_seconds() > 0.1, 20, "a busy process using the processor")
        self.assertGreater(child.rss_kib(), 100)
        self.assertGreaterEqual(child.peak_rss_kib(), child.rss_kib())
        before = child.context_switches()
        wait_until(lambda: sum(child.context_switches()) > sum(before), 20, "a context switch")


class NameServerTest(unittest.TestCase):
    # The query's bytes by RFC 1035 section 4.1: id, flags, counts; the name in mixed case; type; class IN.
    HEAD = bytes.fromhex("1234 0100 0001 0000 0000 0000")
    NAME = b"\x03wEb\x04cEpA\x04test\x00"

    def setUp(self):
        self.server = NameServer("127.0.0.1", {"web.cepa.test": ["127.0.0.1", "::1"], "mute.test": None})
        self.addCleanup(self.server.close)

    def ask(self, name, kind):
        return self.server.answer(self.HEAD + name + kind.to_bytes(2, "big") + b"\x00\x01")

    def test_answers(self):
        self.assertEqual(self.ask(self.NAME, 1),
                         bytes.fromhex("1234 8580 0001 0001 0000 0000") + self.NAME + b"\x00\x01\x00\x01"
                         + bytes.fromhex("c00c 0001 0001 0000003c 0004 7f000001"))
        self.assertTrue(self.ask(self.NAME, 28).endswith(b"\x00\x10" + bytes(15) + b"\x01"))
        pointer = b"\x011\x010\x010\x03127\x07in-addr\x04arpa\x00"
        self.assertTrue(self.ask(pointer, 12).endswith(b"\x03web\x04cepa\x04test\x00"))

    def test_denies_and_keeps_silent(self):
        self.assertEqual(self.ask(b"\x02no\x04test\x00", 1)[2:4], b"\x85\x83")
        self.assertIsNone(self.ask(b"\x04mute\x04test\x00", 1))


class NetworkTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.net = cls.enterClassContext(Network(onion=True, extra={"exit": "Log [net]info stdout"}))
        print(f"\nthe network was ready after {cls.net.ready_seconds:.1f} s", file=sys.stderr)

    def client(self, torrc="", kind=TorClient, **options):
        client = self.enterContext(kind(self.net, torrc=torrc, **options))
        client.wait_bootstrapped()
        return client

    def test_lists_all_relays_with_their_roles(self):
        text = self.net.consensus_text()
        self.assertEqual(self.net.consensus_faults(text), [])
        self.assertEqual(len(re.findall(r"^r ", text, re.MULTILINE)), 10)
        self.assertEqual(len(re.findall(r"^s .*\bExit\b", text, re.MULTILINE)), 3)
        self.assertEqual(len(re.findall(r"^s .*\bGuard\b", text, re.MULTILINE)), 4)
        self.assertTrue(self.net.consensus_faults(""))
        self.assertTrue(self.net.consensus_faults(text.replace(" V2Dir", "")))

    def test_addresses_lie_in_networks_of_their_own(self):
        for node in self.net.nodes:
            self.assertIn(f" {node.address} {node.or_port} ", self.net.consensus_text())
        self.assertEqual(len({node.address.split(".")[1] for node in self.net.nodes}), 10)

    def test_family_is_in_the_microdescriptors(self):
        first, second = self.net.family
        microdescs = self.net.exits[0].known_microdescs()
        members = {identity for identity, text in microdescs.items() if "\nfamily " in text}
        self.assertEqual(members, {first.ed25519, second.ed25519})
        self.assertIn("$" + second.fingerprint, microdescs[first.ed25519])

    def test_finds_nodes(self):
        node = self.net.exits[1]
        for key in ("exit2", node.fingerprint, node.fingerprint.lower(), f"${node.fingerprint}~exit2"):
            self.assertIs(self.net.node(key), node)
        with self.assertRaises(KeyError):
            self.net.node("exit9")

    def test_fetches_the_page_by_address_and_by_name(self):
        tor = self.client()
        hosts = ["127.0.0.1", "web.cepa.test", "web4.cepa.test", self.net.onion_address]
        hosts += ["[::1]", "web6.cepa.test"] if ipv6_loopback() else []
        for host in hosts:
            with self.subTest(host):
                result = tor.curl(self.net.web_url("/", host), timeout=40)
                self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)
        self.assertNotEqual(tor.curl(self.net.web_url("/", "unknown.test")).returncode, 0)

    def test_only_exits_have_a_policy_and_they_refuse_port_25(self):
        microdescs = self.net.relays[0].known_microdescs()
        for node in self.net.nodes:
            found = re.findall(r"^p (.*)$", microdescs[node.ed25519], re.MULTILINE)
            self.assertEqual(found, ["reject 25"] if node.role == "exit" else [], node)

    def test_fetches_100_mib_and_uploads(self):
        tor = self.client()
        result = tor.curl(self.net.big_url, timeout=120)
        self.assertEqual((result.returncode, result.size, result.sha256),
                         (0, self.net.big_size, self.net.big_sha256), result)
        sent = pathlib.Path(find_program("bash"))
        result = tor.curl(self.net.upload_url + "program", extra=["--upload-file", sent])
        self.assertEqual(result.http_code, 201, result)
        self.assertEqual(self.net.uploaded("program").read_bytes(), sent.read_bytes())

    def test_slow_download(self):
        result = self.client().curl(self.net.slow_url, timeout=4)
        self.assertEqual(result.returncode, 28, result)
        self.assertTrue(0 < result.size < 2 << 20, result)

    def test_a_transfer_can_be_watched(self):
        run = curl_start(self.client().socks_port, self.net.slow_url)
        wait_until(lambda: run.received > 0, 20, "the first bytes")
        self.assertIsNone(run.process.poll())
        run.process.terminate()
        self.assertNotEqual(run.finish().returncode, 0)

    def test_exits_do_not_reach_the_world(self):
        tor = self.client()
        # 198.51.100.0/24 is for documentation (RFC 5737). That nobody answers proves nothing: what counts is
        # that the exit's own kernel refused to send.
        self.assertNotEqual(tor.curl("http://198.51.100.77/", timeout=20).returncode, 0)
        outputs = "".join((node.dir / "tor.out").read_text(errors="replace") for node in self.net.exits)
        self.assertIn("connect() to socket failed: Invalid argument", outputs)

    def test_freeze_thaw_kill_restart(self):
        node = self.net.exits[0]
        tor = self.client(f"ExitNodes ${node.fingerprint}\nStrictNodes 1\n")
        self.assertEqual(tor.curl(self.net.web_url()).returncode, 0)
        node.freeze()
        self.assertEqual(tor.curl(self.net.web_url(), timeout=3).returncode, 28)
        node.thaw()
        self.assertEqual(tor.curl(self.net.web_url()).returncode, 0)
        node.kill()
        self.assertNotEqual(tor.curl(self.net.web_url(), timeout=3).returncode, 0)
        fingerprint = node.fingerprint
        node.restart()
        node.wait_log(f"identity key fingerprint is '{node.nickname} {fingerprint}'")
        self.assertEqual(self.client(f"ExitNodes ${fingerprint}\nStrictNodes 1\n").curl(
            self.net.web_url()).returncode, 0)

    def test_set_params(self):
        before = valid_after_of(self.net.consensus_text())
        self.net.set_params({"circwindow": 500})
        for node in self.net.authorities:
            self.assertRegex(node.consensus_text(), r"(?m)^params .*\bcircwindow=500\b")
        self.assertGreater(valid_after_of(self.net.consensus_text()), before)
        self.net.set_params({"circwindow": None})
        self.assertNotIn("circwindow", self.net.consensus_text())

    def test_cepads_harness_with_a_tor(self):
        """C Tor speaks the log lines that the harness of the daemon waits for, and so can stand in for it."""
        cepad = self.client(kind=Cepad, binary=find_program("tor"), torrc="MaxCircuitDirtiness 77\n",
                            args=("--SafeLogging", "0"), env={"HOME": None, "CEPA_TEST": "yes"})
        self.assertEqual(cepad.curl(self.net.web_url(), user="a:b").returncode, 0)
        first = cepad.pid
        self.assertIn(b"--SafeLogging", pathlib.Path(f"/proc/{first}/cmdline").read_bytes())
        self.assertNotIn(b"\0HOME=", pathlib.Path(f"/proc/{first}/environ").read_bytes())
        self.assertIn(b"CEPA_TEST=yes\0", pathlib.Path(f"/proc/{first}/environ").read_bytes())
        cepad.restart()
        cepad.wait_bootstrapped()
        self.assertNotEqual(cepad.pid, first)
        self.assertEqual(cepad.curl(self.net.web_url()).returncode, 0)
        self.assertEqual(cepad.stop(), 0)
        with self.assertRaisesRegex(ProcessDied, "NoSuchOption"):
            self.client("NoSuchOption 1\n", kind=Cepad, binary=find_program("tor"))

    def test_two_networks_at_once(self):
        with Network(authorities=3, relays=2, exits=1, voting_interval=600) as other:
            mine = {(node.address, node.or_port) for node in self.net.nodes}
            self.assertFalse(mine & {(node.address, node.or_port) for node in other.nodes})
            other.web.uploaded("../mark").write_text("the other network")
            with TorClient(other) as tor:
                tor.wait_bootstrapped()
                self.assertEqual(tor.curl(other.web_url("/mark")).body, b"the other network")
            directory, pids = other.dir, [child.pid for child in [*other.nodes, other.web]]
            self.assertTrue(all(is_running(pid) for pid in pids))
        self.assertFalse([pid for pid in pids if is_running(pid)])
        self.assertFalse(directory.exists())
        self.assertTrue(all(node.alive for node in self.net.nodes))


class EndTest(unittest.TestCase):
    def test_nothing_outlives_a_killed_python(self):
        with subprocess.Popen([sys.executable, "-c", STARTER], cwd=REPOSITORY, stdout=subprocess.PIPE,
                              text=True) as process:
            self.addCleanup(process.kill)
            directory, *pids = process.stdout.readline().split()
            self.addCleanup(subprocess.run, ["rm", "-rf", directory], check=True)
            self.assertEqual(len(pids), 5)
            self.assertTrue(all(is_running(pid) for pid in pids))
            process.kill()
            process.wait()
        wait_until(lambda: not any(is_running(pid) for pid in pids), 10, "the processes ending")

    def test_a_failure_keeps_the_logs(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        os.environ["CEPA_LOG_DIR"] = folder
        self.addCleanup(os.environ.pop, "CEPA_LOG_DIR")
        with self.assertRaisesRegex(RuntimeError, "on purpose"):
            with Network(authorities=1, relays=2, exits=1):
                raise RuntimeError("on purpose")
        kept = {str(path.relative_to(folder)).partition("/")[2] for path in pathlib.Path(folder).rglob("*")}
        self.assertLessEqual({"nodes/auth1/tor.log", "nodes/exit1/torrc", "web/access.log"}, kept)


if __name__ == "__main__":
    unittest.main()
