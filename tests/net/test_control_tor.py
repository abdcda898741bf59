# SPDX-License-Identifier: BSD-3-Clause
# The control port, with controllers that know nothing of us: Debian's python3-stem and nyx.

import base64
import contextlib
import hashlib
import queue
import re
import socket
import subprocess
import tempfile
import unittest

import stem
import stem.connection
import stem.control

from tests.net import Cepad, Network, curl_start, wait_until
from tests.net.events import attachments, circuits
from tests.net.process import find_program
from tests.net.terminal import END, RIGHT, Terminal

MODULE = contextlib.ExitStack()
PORT = r"control\.tor: Opened Control listener connection \(ready\) on 127\.0\.0\.1:(\d+)"
SECONDS = 30
PASSWORD = "open sesame \"4711\""
net = None
cepad = None


def setUpModule():
    global net, cepad
    net = MODULE.enter_context(Network())
    cepad = MODULE.enter_context(Cepad(net, torrc="ControlPort 127.0.0.1:auto\nCookieAuthentication 1\n"))
    cepad.wait_bootstrapped()


def tearDownModule():
    MODULE.close()


def control_port(daemon):
    return int(daemon.wait_log(PORT, SECONDS, since=0).group(1))


def consensus_relays():
    """Fingerprint, nickname, address and flags of each relay, from the authorities' text."""
    found = {}
    for part in re.split("^r ", net.consensus_text(), flags=re.MULTILINE)[1:]:
        words = part.splitlines()[0].split()
        fingerprint = base64.b64decode(words[1] + "=").hex().upper()
        flags = re.search("^s (.*)$", part, re.MULTILINE).group(1).split()
        found[fingerprint] = (words[0], words[4], int(words[5]), flags)
    return found


class ControlTestCase(unittest.TestCase):
    def connect(self, daemon=None, **options):
        controller = stem.control.Controller.from_port(port=control_port(daemon or cepad))
        self.addCleanup(controller.close)
        controller.authenticate(**options)
        return controller

    def listen(self, controller, *types):
        """The queue that events of these types go to."""
        events = queue.Queue()
        controller.add_event_listener(events.put, *types)
        return events

    def wait_event(self, events, wanted, what):
        """Takes events until one is wanted. Returns all that were taken."""
        taken = []
        while not taken or not wanted(taken[-1]):
            try:
                taken.append(events.get(timeout=SECONDS))
            except queue.Empty:
                self.fail(f"{what} has not come; but {[str(event) for event in taken]}")
        return taken

    @staticmethod
    def end(run):
        run.process.kill()
        run.finish()

    def start_slow(self, controller):
        """A download that is under way, and its stream."""
        before = {stream.id for stream in controller.get_streams()}
        run = curl_start(cepad.socks_port, net.slow_url)
        self.addCleanup(self.end, run)

        def find():
            return [stream for stream in controller.get_streams()
                    if stream.id not in before and stream.status == "SUCCEEDED"]
        return run, wait_until(find, SECONDS, "the stream of a download")[0]


class AnswersTest(ControlTestCase):
    def test_who_it_is(self):
        controller = self.connect()
        self.assertEqual(controller.get_pid(), cepad.pid)
        self.assertTrue(controller.is_alive())
        self.assertRegex(str(controller.get_version()), r"^0\.4\.\d+\.\d+ \(Cepa-\d+\.\d+\.\d+\)$")
        self.assertRegex(controller.get_info("uptime"), r"^\d+$")
        self.assertEqual(controller.get_user(), subprocess.run(["id", "-un"], capture_output=True, text=True,
                                                               check=True).stdout.strip())
        self.assertFalse(controller.is_geoip_unavailable())
        self.assertEqual(str(controller.get_exit_policy()), "reject *:*")

    def test_bootstrap_phase(self):
        controller = self.connect()
        self.assertEqual(controller.get_info("status/bootstrap-phase"),
                         'NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="Done"')
        for key, value in (("status/circuit-established", "1"), ("status/enough-dir-info", "1"),
                           ("network-liveness", "up"), ("dormant", "0")):
            self.assertEqual(controller.get_info(key), value, key)

    def test_guards(self):
        guards = self.connect().get_info("entry-guards").splitlines()
        self.assertEqual(sorted(line[1:41] for line in guards), sorted(node.fingerprint for node in net.relays))
        self.assertEqual([line.split()[1] for line in guards][0], "up", guards)

    def test_listeners(self):
        controller = self.connect()
        self.assertEqual(controller.get_listeners(stem.control.Listener.SOCKS), [("127.0.0.1", cepad.socks_port)])
        self.assertEqual(controller.get_listeners(stem.control.Listener.CONTROL),
                         [("127.0.0.1", control_port(cepad))])
        self.assertEqual(controller.get_listeners(stem.control.Listener.OR), [])

    def test_traffic(self):
        controller = self.connect()
        before = int(controller.get_info("traffic/read")), int(controller.get_info("traffic/written"))
        self.assertEqual(cepad.curl(net.web_url("/")).http_code, 200)
        self.assertGreater(int(controller.get_info("traffic/read")), before[0])
        self.assertGreater(int(controller.get_info("traffic/written")), before[1])

    def test_options(self):
        controller = self.connect()
        events = self.listen(controller, stem.control.EventType.CONF_CHANGED)
        self.assertEqual(controller.get_conf("cookieauthentication"), "1")
        self.assertEqual(controller.get_conf("DataDirectory"), str(cepad.data_dir))
        self.assertEqual(len(controller.get_conf("Log", multiple=True)), 2)
        self.assertEqual(controller.get_conf("ORPort", "none"), "none")
        self.assertIn("SafeLogging", controller.get_info("config/names"))
        self.addCleanup(controller.reset_conf, "SafeLogging")
        controller.set_conf("SafeLogging", "0")
        self.assertEqual(controller.get_conf("SafeLogging"), "0")
        self.wait_event(events, lambda event: event.changed == {"SafeLogging": ["0"]}, "CONF_CHANGED")
        with self.assertRaises(stem.InvalidArguments):
            controller.set_options({"SafeLogging": "1", "NoSuchOption": "1"})
        with self.assertRaises(stem.InvalidRequest):
            controller.set_options({"SafeLogging": "perhaps"})
        with self.assertRaises(stem.ControllerError):
            controller.set_conf("DataDirectory", "/nowhere")
        self.assertEqual(controller.get_conf("SafeLogging"), "0")

    def test_refusals(self):
        controller = self.connect()
        for number, call in enumerate((controller.save_conf, lambda: controller.load_conf("SocksPort 1"),
                     lambda: controller.signal("DUMP"), lambda: controller.get_info("fingerprint"),
                     lambda: controller.map_address({"a.test": "b.test"}), lambda: controller.new_circuit(),
                     controller.get_server_descriptors().__next__)):
            with self.subTest(call=number), self.assertRaises((stem.ControllerError, ValueError)):
                call()
        self.assertTrue(controller.is_alive())


class DirectoryTest(ControlTestCase):
    def test_every_relay(self):
        wanted = consensus_relays()
        found = {relay.fingerprint: (relay.nickname, relay.address, relay.or_port, list(relay.flags))
                 for relay in self.connect().get_network_statuses()}
        self.assertGreater(len(found), 5)
        self.assertEqual(found, wanted)

    def test_one_relay(self):
        controller = self.connect()
        node = net.exits[0]
        self.assertEqual(controller.get_network_status(node.fingerprint).nickname, node.nickname)
        self.assertEqual(controller.get_network_status(node.nickname).fingerprint, node.fingerprint)
        with self.assertRaises(stem.ControllerError):
            controller.get_network_status("F" * 40)

    def test_microdescriptors(self):
        """Each text is the one that the consensus has the digest of."""
        controller = self.connect()
        digests = dict.fromkeys(re.findall("^m (.*)$", net.consensus_text(), re.MULTILINE))
        for fingerprint in consensus_relays():
            text = controller.get_info("md/id/" + fingerprint, get_bytes=True)
            digest = base64.b64encode(hashlib.sha256(text + b"\n").digest()).decode().rstrip("=")
            self.assertIn(digest, digests)
            digests.pop(digest)
        self.assertEqual(digests, {})
        self.assertEqual(len(list(controller.get_microdescriptors())), len(consensus_relays()))


class CircuitsTest(ControlTestCase):
    def test_lists(self):
        controller = self.connect()
        run, stream = self.start_slow(controller)
        self.assertEqual((stream.target_address, stream.target_port), ("127.0.0.1", net.web_port))
        self.assertIn((int(stream.id), int(stream.circ_id)), attachments(cepad.log_text()))
        circuit = controller.get_circuit(stream.circ_id)
        self.assertEqual((circuit.status, circuit.purpose), ("BUILT", "GENERAL"))
        self.assertEqual([fingerprint for fingerprint, _ in circuit.path],
                         circuits(cepad.log_text())[int(circuit.id)])
        self.assertEqual([net.node(fingerprint).nickname for fingerprint, _ in circuit.path],
                         [nickname for _, nickname in circuit.path])
        self.assertRegex(controller.get_info("orconn-status"),
                         rf"(?m)^\${circuit.path[0][0]}~{circuit.path[0][1]} CONNECTED$")
        run.process.kill()
        wait_until(lambda: stream.id not in {left.id for left in controller.get_streams()}, SECONDS,
                   "the end of a stream")

    def test_events_of_a_page(self):
        controller = self.connect()
        events = self.listen(controller, "STREAM")
        self.assertEqual(cepad.curl(net.web_url("/")).http_code, 200)
        started = set()

        def is_end(event):
            if event.status == "NEW":
                started.add(event.id)
            return event.status == "CLOSED" and event.id in started
        taken = self.wait_event(events, is_end, "the end of a stream")
        mine = [event for event in taken if event.id == taken[-1].id]
        self.assertEqual([event.status for event in mine], ["NEW", "SENTCONNECT", "SUCCEEDED", "CLOSED"])
        self.assertEqual(mine[0].purpose, "USER")
        self.assertEqual(mine[0].source_address, "127.0.0.1")
        self.assertEqual((mine[2].target_address, mine[2].target_port), ("127.0.0.1", net.web_port))
        self.assertIn((int(mine[1].id), int(mine[1].circ_id)), attachments(cepad.log_text()))

    def test_new_identity(self):
        controller = self.connect()
        events = self.listen(controller, "SIGNAL", "CIRC")
        _, before = self.start_slow(controller)
        controller.signal(stem.Signal.NEWNYM)
        self.wait_event(events, lambda event: event.type == "SIGNAL" and event.signal == "NEWNYM", "the signal")
        _, after = self.start_slow(controller)
        self.assertNotEqual(before.circ_id, after.circ_id)
        built = controller.get_circuit(after.circ_id)
        self.assertEqual(len(built.path), 3)

    def test_circuit_events(self):
        """What a circuit goes through, hop by hop."""
        controller = self.connect()
        events = self.listen(controller, "CIRC")
        controller.signal(stem.Signal.NEWNYM)
        self.assertEqual(cepad.curl(net.web_url("/")).http_code, 200)
        taken = self.wait_event(events, lambda event: event.status == "BUILT" and len(event.path) == 3, "a circuit")
        mine = [event for event in taken if event.id == taken[-1].id]
        self.assertIn([event.status for event in mine][-4:],
                      (["EXTENDED", "EXTENDED", "EXTENDED", "BUILT"], ["LAUNCHED", "EXTENDED", "EXTENDED", "BUILT"]))
        self.assertEqual([len(event.path) for event in mine if event.status == "EXTENDED"][:2], [1, 2])
        self.assertIn("NEED_CAPACITY", mine[-1].build_flags)
        self.assertIsNotNone(mine[-1].created)

    def test_close_stream(self):
        controller = self.connect()
        events = self.listen(controller, "STREAM")
        run, stream = self.start_slow(controller)
        controller.close_stream(stream.id)
        self.wait_event(events, lambda event: event.id == stream.id and event.status == "CLOSED", "the end")
        self.assertNotEqual(run.finish().returncode, 0)
        with self.assertRaises(stem.InvalidArguments):
            controller.close_stream("999999")

    def test_close_circuit(self):
        controller = self.connect()
        events = self.listen(controller, "CIRC")
        run, stream = self.start_slow(controller)
        # It has a stream.
        controller.close_circuit(stream.circ_id, "IfUnused")
        self.assertIn(stream.circ_id, {circuit.id for circuit in controller.get_circuits()})
        controller.close_circuit(stream.circ_id)
        self.wait_event(events, lambda event: event.id == stream.circ_id and event.status == "CLOSED", "the end")
        self.assertNotIn(stream.circ_id, {circuit.id for circuit in controller.get_circuits()})
        self.assertNotEqual(run.finish().returncode, 0)
        with self.assertRaises(stem.InvalidArguments):
            controller.close_circuit("999999")

    def test_bandwidth(self):
        controller = self.connect()
        events = self.listen(controller, "BW", "STREAM_BW")
        self.start_slow(controller)
        self.wait_event(events, lambda event: event.type == "BW" and event.read > 100000, "a second of the download")
        self.wait_event(events, lambda event: event.type == "STREAM_BW" and event.read > 100000, "its stream's")
        self.assertRegex(controller.get_info("bw-event-cache"), r"^\d+,\d+( \d+,\d+)*$")

    def test_log_events(self):
        controller = self.connect()
        events = self.listen(controller, "NOTICE", "INFO", "DEBUG")
        self.assertEqual(cepad.curl(net.web_url("/")).http_code, 200)
        self.wait_event(events, lambda event: re.search(r"stream \d+ attached to circuit", event.message), "the log")


class LifeTest(ControlTestCase):
    def daemon(self, *lines):
        return self.enterContext(Cepad(net, torrc="".join(line + "\n" for line in lines)))

    def test_bootstrap_events_to_the_end(self):
        daemon = self.daemon("ControlPort 127.0.0.1:auto")
        controller = self.connect(daemon)
        events = self.listen(controller, "STATUS_CLIENT", "ORCONN")
        taken = self.wait_event(events, lambda event: event.type == "STATUS_CLIENT" and event.action == "BOOTSTRAP"
                                and event.arguments["PROGRESS"] == "100", "the end of the start")
        actions = {event.action for event in taken if event.type == "STATUS_CLIENT"}
        self.assertLessEqual({"BOOTSTRAP", "CIRCUIT_ESTABLISHED"},
                             actions | ({events.get(timeout=SECONDS).action}
                                        if "CIRCUIT_ESTABLISHED" not in actions else set()))
        self.assertIn("CONNECTED", {event.status for event in taken if event.type == "ORCONN"})
        controller.signal(stem.Signal.SHUTDOWN)
        self.assertEqual(daemon.process.wait(SECONDS), 0)

    def test_authentication(self):
        hashed = subprocess.run([find_program("tor"), "--quiet", "--hash-password", PASSWORD], capture_output=True,
                                text=True, check=True).stdout.split()[-1]
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/control"
            daemon = self.daemon("ControlPort 127.0.0.1:auto", f"ControlPort unix:{path}", "CookieAuthentication 1",
                                 f"HashedControlPassword {hashed}")
            port = control_port(daemon)
            cookie = daemon.data_dir / "control_auth_cookie"
            self.assertEqual(cookie.stat().st_mode & 0o777, 0o600)
            with stem.control.Controller.from_socket_file(path) as controller:
                controller.authenticate()
            for authenticate, value in ((stem.connection.authenticate_cookie, str(cookie)),
                                        (stem.connection.authenticate_safecookie, str(cookie)),
                                        (stem.connection.authenticate_password, PASSWORD)):
                with stem.control.Controller.from_port(port=port) as controller:
                    authenticate(controller, value)
                    self.assertEqual(controller.get_info("dormant"), "0")
            with stem.control.Controller.from_port(port=port) as controller:
                with self.assertRaises(stem.connection.IncorrectPassword):
                    stem.connection.authenticate_password(controller, "guess")
            self.assertNotIn("sesame", daemon.log_text())
            self.assertNotIn("guess", daemon.log_text())
            self.assertEqual(daemon.stop(), 0)
            self.assertFalse(cookie.exists())

    def test_ownership(self):
        daemon = self.daemon("ControlPort 127.0.0.1:auto")
        controller = self.connect(daemon)
        controller.msg("TAKEOWNERSHIP")
        controller.close()
        self.assertEqual(daemon.process.wait(SECONDS), 0)

    def test_hostile_controllers(self):
        """Lines without end, half commands, binary, events that nobody reads: traffic goes on."""
        daemon = self.daemon("ControlPort 127.0.0.1:auto")
        daemon.wait_bootstrapped()
        with contextlib.ExitStack() as stack:
            def dial(*lines):
                sock = stack.enter_context(socket.create_connection(("127.0.0.1", control_port(daemon)), SECONDS))
                sock.sendall(b"".join(lines))
                return sock
            dial(b"AUTHENTICATE\r\nSETEVENTS DEBUG INFO CIRC STREAM BW\r\n")  # and reads nothing
            dial(b"AUTHENTICATE\r\nGETINFO ver")
            binary = dial(b"\0\1\2\xff" * 1000 + b"\r\n")
            endless = dial(b"AUTHENTICATE\r\n")
            with contextlib.suppress(ConnectionError):
                for _ in range(64):
                    endless.sendall(b"a" * 32768)
            self.assertEqual(daemon.curl(net.web_url("/")).http_code, 200)
            for sock in (binary, endless):
                with contextlib.suppress(ConnectionResetError):
                    while sock.recv(65536):
                        pass
            self.assertEqual(self.connect(daemon).get_info("dormant"), "0")


class NyxTest(ControlTestCase):
    def test_pages(self):
        controller = self.connect()
        self.start_slow(controller)
        with tempfile.TemporaryDirectory() as home:
            argv = [find_program("nyx"), "-i", f"127.0.0.1:{control_port(cepad)}", "-c", f"{home}/config"]
            with Terminal(argv, {"HOME": home, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}) as nyx:
                nyx.wait_text(r"Tor 0\.4\.", 60)
                nyx.wait_text(r"cpu: ", SECONDS)
                # The graph of the download, with the number of the last second.
                nyx.wait_text(r"Download", SECONDS)
                nyx.wait_text(r"[1-9][0-9.]* [KM]B/sec", SECONDS)
                nyx.wait_text(r"Bootstrapped 100% \(done\)", SECONDS)
                nyx.clear()
                nyx.press(RIGHT)
                nyx.wait_text(r"Connections \(.*[1-9][0-9]* circuit", SECONDS)
                nyx.press(END)
                nyx.wait_text(r"Purpose: General", SECONDS)
                nyx.wait_text(r"Guard", SECONDS)
                nyx.clear()
                nyx.press(RIGHT)
                nyx.wait_text(r"CookieAuthentication +True", SECONDS)
                nyx.press("qq")
                self.assertEqual(nyx.wait_end(SECONDS), 0)


if __name__ == "__main__":
    unittest.main()
