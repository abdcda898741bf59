# SPDX-License-Identifier: BSD-3-Clause
# Evil relays as a guard and as an exit. The daemon learns of them by a consensus that the authorities' own keys signed.
# The evil exit is the only one that lets port 25 through.

import os
import re
import socket
import struct
import threading
import time
import unittest

from tests.evil import Directory, Documents, Keys, Link, Relay
from tests.evil import relay as wire
from tests.evil.shared import FALLBACK_FIRST, network
from tests.net import Cepad, socks, valid_after_of, wait_until
from tests.net.events import attachments, circuits
from tests.net.web import PAGE

PORT = 25
EXIT_FLAGS = ["Exit", "Fast", "Running", "Stable", "Valid"]
GUARD_FLAGS = ["Fast", "Guard", "Running", "Stable", "V2Dir", "Valid"]
# Of all the guards' bandwidth this one has nearly everything: it is drawn first.
MUCH = 20000000
WAIT_SECONDS = 30

RELAY_DROP, RELAY_RESOLVED, RELAY_EXTENDED2 = 10, 12, 15
END_REASONS = {1: socks.GENERAL_FAILURE, 2: socks.HOST_UNREACHABLE, 3: socks.CONNECTION_REFUSED, 4: socks.NOT_ALLOWED,
               6: socks.CONNECTION_REFUSED, 7: socks.TTL_EXPIRED, 8: socks.HOST_UNREACHABLE,
               9: socks.GENERAL_FAILURE, 10: socks.GENERAL_FAILURE, 11: socks.GENERAL_FAILURE,
               12: socks.CONNECTION_REFUSED, 13: socks.GENERAL_FAILURE, 14: socks.GENERAL_FAILURE,
               15: socks.GENERAL_FAILURE, 200: socks.GENERAL_FAILURE}

net = None


def setUpModule():
    global net
    net = network()


class PathTest(unittest.TestCase):
    def start(self, link, flags, *, policy="", params=None, bandwidth=10000, keys=None, **identity):
        """A relay of that kind, and a daemon whose consensus lists it, ready or nearly."""
        documents = Documents(net)
        directory = Directory(documents)
        self.relay = self.enterContext(Relay(link, directory, keys, avoid=net))
        self.relay.test = self
        entry = documents.relay_entry(self.relay, flags, policy=policy, bandwidth=bandwidth, **identity)
        after = valid_after_of(documents.original) + 1
        documents.current = documents.consensus(after=after, fresh=after + 600, until=after + 1800, relays=[entry],
                                                params=params)
        # That relay is not asked for documents by name: a good one of ours is. Guards would be: they do not know that relay.
        server = self.enterContext(Relay(directory=directory, avoid=net))
        self.daemon = self.enterContext(Cepad(net, torrc=server.fallback_line + FALLBACK_FIRST))
        return self.daemon

    def check_page(self, **options):
        result = self.daemon.curl(net.web_url(), **options)
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)


class ExitLink(Link):
    """An exit that connects to nothing and tells the test what it sees."""

    def on_begin(self, circuit, stream, target):
        self.relay.test.on_begin(circuit, stream, target)

    def on_message(self, circuit, command, stream, data):
        if command == wire.RELAY_EXTEND2:
            super().on_message(circuit, command, stream, data)
            return
        self.relay.test.seen.append((command, stream, data))
        if command == wire.RELAY_BEGIN:
            super().on_message(circuit, command, stream, data)
        else:
            self.relay.test.on_message(circuit, command, stream, data)


class ExitTest(PathTest):
    def start_exit(self, **options):
        self.seen = []
        # It is the only one for its port, and shall hardly ever be drawn for the middle.
        self.start(ExitLink, EXIT_FLAGS, policy=f"p accept {PORT}\n", bandwidth=1, **options)
        self.daemon.wait_bootstrapped()
        return self.daemon.socks_port

    def on_begin(self, circuit, stream, target):
        circuit.send(wire.RELAY_CONNECTED, stream)

    def on_message(self, circuit, command, stream, data):
        """What comes behind BEGIN is only written down."""

    def count(self, command):
        return sum(each == command for each, _, _ in list(self.seen))

    def wait_still(self, command, at_least, seconds=1):
        """Waits until at least so many messages came and no more have for a while; how many."""
        wait_until(lambda: self.count(command) >= at_least, WAIT_SECONDS, f"{at_least} messages {command}")
        last = [self.count(command), time.monotonic()]

        def is_still():
            if self.count(command) != last[0]:
                last[:] = [self.count(command), time.monotonic()]
            return time.monotonic() - last[1] >= seconds
        wait_until(is_still, WAIT_SECONDS, "no more messages")
        return self.count(command)

    def test_each_end_reason(self):
        """No other exit could be asked instead, so that what this one says is what the application is told."""
        port = self.start_exit()
        reason = None
        self.on_begin = lambda circuit, stream, target: circuit.send(wire.RELAY_END, stream, bytes((reason,)))
        for reason, code in END_REASONS.items():
            with self.subTest(reason=reason):
                self.assertEqual(socks.ask(port, "web.cepa.test", PORT), code)
        self.check_page()

    def test_end_destroy(self):
        """A reason that no honest exit gives a stream. It must not make the daemon ask without end."""
        port = self.start_exit()
        self.on_begin = lambda circuit, stream, target: circuit.send(wire.RELAY_END, stream, b"\x05")
        with socks.dial(port, timeout=10) as sock:
            socks.greet(sock)
            sock.sendall(socks.request_bytes("web.cepa.test", PORT))
            self.assertEqual(socks.read_reply(sock), socks.GENERAL_FAILURE)
        self.assertLess(self.count(wire.RELAY_BEGIN), 20)
        self.check_page()

    def test_a_circuit_that_dies_of_each_begin(self):
        """The same with the whole circuit: each is a new one to build."""
        port = self.start_exit()
        begun = []

        def on_begin(circuit, stream, target):
            begun.append(circuit)
            circuit.link.send_cell(circuit.number, wire.CELL_DESTROY, b"\0")
        self.on_begin = on_begin
        with socks.dial(port, timeout=30) as sock:
            socks.greet(sock)
            sock.sendall(socks.request_bytes("web.cepa.test", PORT))
            self.assertEqual(socks.read_reply(sock), socks.GENERAL_FAILURE)
        self.assertLess(len(begun), 20)
        self.check_page()

    def test_optimistic_data_is_sent_at_once(self):
        port = self.start_exit()
        held = []
        self.on_begin = lambda circuit, stream, target: held.append((circuit, stream, target))
        with socks.dial(port) as sock:
            sock.sendall(socks.GREETING + socks.request_bytes("web.cepa.test", PORT) + b"early bird")
            wait_until(lambda: self.count(wire.RELAY_DATA), WAIT_SECONDS, "data before CONNECTED")
            self.assertEqual([command for command, _, _ in self.seen], [wire.RELAY_BEGIN, wire.RELAY_DATA])
            self.assertEqual(self.seen[1][2], b"early bird")
            circuit, stream, target = held[0]
            self.assertEqual(target, f"web.cepa.test:{PORT}")
            circuit.send(wire.RELAY_CONNECTED, stream)
            self.assertEqual(socks.read_exactly(sock, 2), socks.GREETING_ANSWER)
            self.assertEqual(socks.read_reply(sock), socks.SUCCEEDED)
            # Once is enough.
            sock.sendall(b"late")
            wait_until(lambda: self.count(wire.RELAY_DATA) == 2, WAIT_SECONDS, "more data")
            self.assertEqual(self.seen[2][2], b"late")

    def test_windows(self):
        """The consensus parameter circwindow bounds what goes out on a circuit, and no SENDME but a right one
        lets more go."""
        port = self.start_exit(params={"circwindow": 150})
        tags, place = [], []

        def on_relay_cell(link, circuit, body):
            plain, tag = circuit.crypto.open(body)
            command, _, stream, _, size = struct.unpack_from("!BHHIH", plain)
            link.on_message(circuit, command, stream, plain[11:11 + size])
            if command == wire.RELAY_DATA:
                tags.append(tag)
                place[:] = [circuit, stream]
        original, ExitLink.on_relay_cell = ExitLink.on_relay_cell, on_relay_cell
        self.addCleanup(setattr, ExitLink, "on_relay_cell", original)
        with socks.open_stream(port, "web.cepa.test", PORT) as sock:
            sender = threading.Thread(target=self.send_until_closed, args=(sock,), daemon=True)
            sender.start()
            self.assertEqual(self.wait_still(wire.RELAY_DATA, 150), 150)
            circuit = place[0]
            circuit.send(wire.RELAY_SENDME, 0, b"\x01" + struct.pack("!H", 20) + tags[99])
            self.assertEqual(self.wait_still(wire.RELAY_DATA, 250), 250)
            circuit.send(wire.RELAY_SENDME, 0, b"\x01" + struct.pack("!H", 20) + bytes(20))
            self.daemon.wait_log("closing circuit .*circuit-level SENDME with a tag of another cell", WAIT_SECONDS)
            self.assertEqual(self.wait_still(wire.RELAY_DATA, 250), 250)
            sender.join(WAIT_SECONDS)
            self.assertFalse(sender.is_alive(), "the application can still send")
        self.check_page()

    @staticmethod
    def send_until_closed(sock):
        try:
            while True:
                sock.sendall(bytes(100000))
        except OSError:
            pass

    def test_stream_window(self):
        """Five hundred cells go out on a stream; its SENDME lets fifty more go."""
        port = self.start_exit()
        place = []
        self.on_message = lambda circuit, command, stream, data: place.append((circuit, stream))
        with socks.open_stream(port, "web.cepa.test", PORT) as sock:
            sender = threading.Thread(target=self.send_until_closed, args=(sock,), daemon=True)
            sender.start()
            self.assertEqual(self.wait_still(wire.RELAY_DATA, 500), 500)
            circuit, stream = place[-1]
            circuit.send(wire.RELAY_SENDME, stream)
            self.assertEqual(self.wait_still(wire.RELAY_DATA, 550), 550)
            sock.shutdown(socket.SHUT_RDWR)
            sender.join(WAIT_SECONDS)

    def check_violation(self, misbehave, reason):
        """The circuit closes, the reason is in the log, and the daemon goes on."""
        port = self.start_exit()

        def on_begin(circuit, stream, target):
            circuit.send(wire.RELAY_CONNECTED, stream)
            misbehave(circuit, stream)
        self.on_begin = on_begin
        with socks.open_stream(port, "web.cepa.test", PORT) as sock:
            self.daemon.wait_log(rf"closing circuit \d+.*: .*{reason}", WAIT_SECONDS)
            try:
                socks.read_all(sock)
            except ConnectionResetError:
                pass
        self.check_page()
        self.assertEqual(self.daemon.stop(), 0)

    def test_flood(self):
        """More than the application takes, and than the kernel's buffers hold for it."""
        def flood(circuit, stream):
            for _ in range(30000):
                circuit.send(wire.RELAY_DATA, stream, bytes(wire.MAX_DATA))
        self.check_violation(flood, "DATA beyond the stream window")

    def test_second_connected(self):
        self.check_violation(lambda circuit, stream: circuit.send(wire.RELAY_CONNECTED, stream), "a second CONNECTED")

    def test_sendme_for_nothing(self):
        self.check_violation(lambda circuit, stream: circuit.send(wire.RELAY_SENDME, stream),
                             "SENDME for data that was never sent")

    def test_circuit_sendme_for_nothing(self):
        self.check_violation(lambda circuit, stream: circuit.send(wire.RELAY_SENDME, 0, b"\x01\0\x14" + bytes(20)),
                             "SENDME for data that was never sent")

    def test_old_sendme(self):
        self.check_violation(lambda circuit, stream: circuit.send(wire.RELAY_SENDME, 0), "SENDME that is not of version 1")

    def test_extended_unasked(self):
        self.check_violation(lambda circuit, stream: circuit.send(RELAY_EXTENDED2, 0, b"\0\x40" + bytes(64)),
                             "EXTENDED2 where none was due")

    def test_begin_from_an_exit(self):
        self.check_violation(lambda circuit, stream: circuit.send(wire.RELAY_BEGIN, 77, b"127.0.0.1:22\0"),
                             "that only a client sends")

    def test_resolved_unasked(self):
        self.check_violation(lambda circuit, stream: circuit.send(RELAY_RESOLVED, stream, b"\x04\x04\x7f\0\0\1" + bytes(4)),
                             "not an answer to anything we ask")

    def test_message_longer_than_its_cell(self):
        def overflow(circuit, stream):
            body = struct.pack("!BHHIH", wire.RELAY_DATA, 0, stream, 0, 60000) + os.urandom(498)
            circuit.link.send_cell(circuit.number, wire.CELL_RELAY, circuit.crypto.seal(body))
        self.check_violation(overflow, "longer than its cell")

    def test_noise_is_let_pass(self):
        """Padding, what later versions may send, and messages of streams that are over."""
        port = self.start_exit()

        def on_begin(circuit, stream, target):
            for command in (RELAY_DROP, 43, 99, 255):
                circuit.send(command, 0, os.urandom(100))
            circuit.send(wire.RELAY_DATA, stream + 1 & 0xffff or 1, b"nobody's")
            circuit.send(wire.RELAY_CONNECTED, stream)
            circuit.send(wire.RELAY_DATA, stream, b"hello")
            circuit.send(wire.RELAY_END, stream, bytes((wire.END_DONE,)))
        self.on_begin = on_begin
        for _ in range(3):
            with socks.open_stream(port, "web.cepa.test", PORT) as sock:
                self.assertEqual(socks.read_all(sock), b"hello")
        self.assertNotIn("closing circuit", self.daemon.log_text())

    def test_truncated(self):
        port = self.start_exit()

        def on_begin(circuit, stream, target):
            circuit.send(wire.RELAY_CONNECTED, stream)
            circuit.send(wire.RELAY_TRUNCATED, 0, b"\x09")
        self.on_begin = on_begin
        with socks.open_stream(port, "web.cepa.test", PORT) as sock:
            self.assertEqual(socks.read_all(sock), b"")
        self.assertRegex(self.daemon.log_text(), r"circuit \d+ closed: truncated by a relay: FINISHED")
        self.check_page()


# Guards

class WrongProof(Link):
    """CREATED2 by somebody who does not hold the onion key."""

    def on_create2(self, number, body):
        self.send_cell(number, wire.CELL_CREATED2, struct.pack("!H", 64) + os.urandom(64))


class WrongLength(Link):
    def on_create2(self, number, body):
        self.send_cell(number, wire.CELL_CREATED2, struct.pack("!H", 300) + os.urandom(300))


class ZeroKey(Link):
    """A key with which the shared secret would be known to everybody."""

    def on_create2(self, number, body):
        self.send_cell(number, wire.CELL_CREATED2, struct.pack("!H", 64) + bytes(64))


class CreatedFast(Link):
    def on_create2(self, number, body):
        self.send_cell(number, wire.CELL_CREATED_FAST, os.urandom(40))


class Destroys(Link):
    def on_create2(self, number, body):
        self.send_cell(number, wire.CELL_DESTROY, b"\x05")


class SilentGuard(Link):
    def on_create2(self, number, body):
        """Nothing."""


class TruncatesExtends(Link):
    """Builds the first hop, and says of every second one that it cannot be reached."""

    def on_message(self, circuit, command, stream, data):
        circuit.send(wire.RELAY_TRUNCATED, 0, b"\x06")


class ForgesExtended(Link):
    """Plays the second hop itself, without its key."""

    def on_message(self, circuit, command, stream, data):
        circuit.send(RELAY_EXTENDED2, 0, struct.pack("!H", 64) + os.urandom(64))


class HangsUpLater(Link):
    def on_message(self, circuit, command, stream, data):
        raise wire.LinkClosed


GUARDS = {
    WrongProof: "closing circuit .*the relay's ntor reply does not prove that it holds its onion key",
    WrongLength: "closing circuit .*handshake reply of a wrong length",
    ZeroKey: "closing circuit .*the relay's ntor reply does not prove that it holds its onion key",
    CreatedFast: "closing circuit .*cell with command 6 where none was due",
    Destroys: r"circuit \d+ closed: destroyed by the first relay: RESOURCELIMIT",
    TruncatesExtends: r"circuit \d+ closed: truncated by a relay: CONNECTFAILED",
    ForgesExtended: "closing circuit .*the relay's ntor reply does not prove that it holds its onion key",
    HangsUpLater: r"circuit \d+ closed: .*the relay closed the connection",
    SilentGuard: r"circuit \d+ closed: a relay did not answer in time",
}


class GuardTest(PathTest):
    def check_guard(self, reason):
        self.daemon.wait_log(reason, WAIT_SECONDS)
        self.daemon.wait_bootstrapped()
        self.check_page()
        for path in circuits(self.daemon.log_text()).values():
            self.assertNotIn(self.relay.keys.fingerprint, path)

    def test_guards(self):
        for link, reason in GUARDS.items():
            with self.subTest(link.__name__):
                self.start(link, GUARD_FLAGS, bandwidth=MUCH)
                self.check_guard(reason)
                self.assertEqual(self.daemon.stop(), 0)

    def test_other_ed25519_identity_than_listed(self):
        """The old identity is right, the new one is not that of the consensus."""
        listed = Keys().ed25519_id
        self.start(Link, GUARD_FLAGS, bandwidth=MUCH, ed25519_id=listed)
        self.check_guard(f"channel to {re.escape(self.relay.name)} closes: CERTS: it is .*, but .* was wanted")
        self.assertNotIn(f"channel to {self.relay.name} is open", self.daemon.log_text())


if __name__ == "__main__":
    unittest.main()
