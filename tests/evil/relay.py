# SPDX-License-Identifier: BSD-3-Clause
# A relay in Python, as far as a client sees one: TLS, the link handshake, circuits of which it is any hop, directory
# requests, and the beginnings of an exit. Each step is a method, for a test to do it wrong.

import os
import random
import socket
import ssl
import struct
import tempfile
import threading
import time

from tests.evil.keys import Keys
from tests.evil.onion import BODY_LEN, Tor1, answer_create_fast, answer_ntor

CELL_PADDING, CELL_RELAY, CELL_DESTROY, CELL_CREATE_FAST, CELL_CREATED_FAST = 0, 3, 4, 5, 6
CELL_VERSIONS, CELL_NETINFO, CELL_RELAY_EARLY, CELL_CREATE2, CELL_CREATED2 = 7, 8, 9, 10, 11
CELL_VPADDING, CELL_CERTS, CELL_AUTH_CHALLENGE = 128, 129, 130
RELAY_BEGIN, RELAY_DATA, RELAY_END, RELAY_CONNECTED, RELAY_SENDME = 1, 2, 3, 4, 5
RELAY_TRUNCATED, RELAY_BEGIN_DIR, RELAY_EXTEND2 = 9, 13, 14
END_MISC, END_DONE = 1, 6
DESTROY_CONNECTFAILED = 6
HANDSHAKE_NTOR = 2
MAX_DATA = 498
# A client takes so many cells before it has sent a SENDME.
STREAM_WINDOW = 500

TIMEOUT_SECONDS = 120


class LinkClosed(Exception):
    """The other end has gone, or the test wants this link to end."""


class Circuit:
    """A circuit of a link: its keys, and per stream what came in so far."""

    def __init__(self, link, number, keys):
        self.link = link
        self.number = number
        self.crypto = Tor1(keys)
        self.streams = {}

    def send(self, command, stream, data=b""):
        header = struct.pack("!BHHIH", command, 0, stream, 0, len(data))
        gap = BODY_LEN - len(header) - len(data)
        body = header + data + bytes(min(gap, 4)) + os.urandom(max(gap - 4, 0))
        self.link.send_cell(self.number, CELL_RELAY, self.crypto.seal(body))

    def send_data(self, stream, data):
        """Without waiting for SENDMEs: more than a window must not be sent."""
        for start in range(0, len(data), MAX_DATA):
            self.send(RELAY_DATA, stream, data[start:start + MAX_DATA])


class Link:
    """One connection. `run` is called in a thread of its own; tests override what they need."""

    versions = (3, 4, 5)

    def __init__(self, relay, sock):
        self.relay = relay
        self.sock = sock
        self.keys = relay.keys
        self.version = 0
        self.circuits = {}
        self._input = b""

    def run(self):
        self.before_tls()
        self.sock = self.relay.context.wrap_socket(self.sock, server_side=True)
        self.handshake()
        self.serve()

    def before_tls(self):
        """A chance to talk something else."""

    # Bytes and cells

    def send(self, data):
        self.sock.sendall(data)

    def send_cell(self, circuit, command, body=b""):
        number = struct.pack("!I" if self.version >= 4 else "!H", circuit)
        self.send(number + bytes((command,)) + body + bytes(BODY_LEN - len(body)))

    def send_variable(self, command, body, circuit=0):
        number = struct.pack("!I" if self.version >= 4 else "!H", circuit)
        self.send(number + bytes((command,)) + struct.pack("!H", len(body)) + body)

    def read(self, size):
        while len(self._input) < size:
            data = self.sock.recv(65536)
            if not data:
                raise LinkClosed
            self._input += data
        taken, self._input = self._input[:size], self._input[size:]
        return taken

    def read_cell(self):
        """(circuit, command, body)."""
        circuit = int.from_bytes(self.read(4 if self.version >= 4 else 2), "big")
        command = self.read(1)[0]
        if command == CELL_VERSIONS or command >= 128:
            return circuit, command, self.read(int.from_bytes(self.read(2), "big"))
        return circuit, command, self.read(BODY_LEN)

    def wait_for_end(self):
        """Says nothing more until the other end or the test gives up."""
        while self.sock.recv(65536):
            pass
        raise LinkClosed

    # The handshake

    def handshake(self):
        self.negotiate_version()
        self.send_certs()
        self.send_challenge()
        self.send_netinfo()

    def negotiate_version(self):
        _, command, body = self.read_cell()
        assert command == CELL_VERSIONS, command
        offered = struct.unpack(f"!{len(body) // 2}H", body)
        self.send_versions()
        self.version = max(set(offered) & set(self.versions), default=0)

    def send_versions(self):
        self.send_variable(CELL_VERSIONS, struct.pack(f"!{len(self.versions)}H", *self.versions))

    def certs(self):
        """A dict from the type to the certificate."""
        return self.keys.certs()

    def send_certs(self):
        certs = self.certs()
        body = bytes((len(certs),))
        for kind, cert in certs.items():
            body += struct.pack("!BH", kind, len(cert)) + cert
        self.send_variable(CELL_CERTS, body)

    def send_challenge(self):
        self.send_variable(CELL_AUTH_CHALLENGE, os.urandom(32) + struct.pack("!HH", 1, 3))

    def send_netinfo(self):
        address = bytes((4, 4)) + socket.inet_aton(self.relay.address)
        self.send_cell(0, CELL_NETINFO, struct.pack("!I", int(time.time())) + address + b"\x01" + address)

    # Circuits

    def serve(self):
        while True:
            self.on_cell(*self.read_cell())

    def on_cell(self, number, command, body):
        if command == CELL_CREATE_FAST:
            reply, keys = answer_create_fast(body[:20])
            self.circuits[number] = Circuit(self, number, keys)
            self.send_cell(number, CELL_CREATED_FAST, reply)
        elif command == CELL_CREATE2:
            self.on_create2(number, body)
        elif command == CELL_DESTROY:
            self.circuits.pop(number, None)
        elif command in (CELL_RELAY, CELL_RELAY_EARLY) and number in self.circuits:
            self.on_relay_cell(self.circuits[number], body)

    def on_create2(self, number, body):
        kind, size = struct.unpack_from("!HH", body)
        answer = answer_ntor(self.keys, body[4:4 + size]) if kind == HANDSHAKE_NTOR else None
        if answer is None:
            self.send_cell(number, CELL_DESTROY, b"\x01")
            return
        reply, keys = answer
        self.circuits[number] = Circuit(self, number, keys)
        self.send_cell(number, CELL_CREATED2, struct.pack("!H", len(reply)) + reply)

    def on_relay_cell(self, circuit, body):
        plain, tag = circuit.crypto.open(body)
        assert tag is not None, "a cell for a hop behind us, and there is none"
        command, _, stream, _, size = struct.unpack_from("!BHHIH", plain)
        self.on_message(circuit, command, stream, plain[11:11 + size])

    def on_message(self, circuit, command, stream, data):
        if command == RELAY_BEGIN_DIR:
            circuit.streams[stream] = b""
            circuit.send(RELAY_CONNECTED, stream)
        elif command == RELAY_BEGIN:
            self.on_begin(circuit, stream, data.partition(b"\0")[0].decode("ascii"))
        elif command == RELAY_DATA:
            self.on_data(circuit, stream, data)
        elif command == RELAY_END:
            circuit.streams.pop(stream, None)
        elif command == RELAY_EXTEND2:
            # It is the last hop of every circuit; who wants it in the middle is told so at once.
            circuit.send(RELAY_TRUNCATED, 0, bytes((DESTROY_CONNECTFAILED,)))

    def on_begin(self, circuit, stream, target):
        circuit.send(RELAY_END, stream, bytes((END_MISC,)))

    def on_data(self, circuit, stream, data):
        if stream not in circuit.streams:
            return
        circuit.streams[stream] += data
        if b"\r\n\r\n" not in circuit.streams[stream]:
            return
        request = circuit.streams.pop(stream).decode("ascii")
        path = request.split()[1]
        for part in self.relay.directory.answer(path, request):
            circuit.send_data(stream, part)
        circuit.send(RELAY_END, stream, bytes((END_DONE,)))


class Relay:
    """Listens at an address of its own in 127.0.0.0/8: `with Relay() as relay:`.

    link: the class of its connections. directory: answers directory requests (directory.py).
    avoid: a Network whose addresses' /16 shall not be this relay's.
    """

    def __init__(self, link=Link, directory=None, keys=None, avoid=None):
        self.keys = keys or Keys()
        self.directory = directory
        self.nickname = "evil"
        self.faults = []
        self.n_links = 0
        self._link = link
        self._closing = threading.Event()
        self._sockets = set()
        self._lock = threading.Lock()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile(suffix=".pem") as pem:
            pem.write(self.keys.tls_pem())
            pem.flush()
            self.context.load_cert_chain(pem.name)
        taken = {node.address.split(".")[1] for node in avoid.nodes} if avoid else set()
        octet = random.choice([str(n) for n in range(1, 255) if str(n) not in taken])
        self.address = f"127.{octet}.{random.randrange(256)}.{random.randrange(1, 255)}"
        self._listener = socket.create_server((self.address, 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="evil relay", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(TIMEOUT_SECONDS)
        self._listener.close()
        with self._lock:
            for sock in self._sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        if error is None and self.faults:
            raise self.faults[0]

    @property
    def name(self):
        """As the daemon's log names it."""
        return f"${self.keys.fingerprint} at {self.address}:{self.port}"

    @property
    def fallback_line(self):
        return f"FallbackDir {self.address}:{self.port} orport={self.port} id={self.keys.fingerprint}\n"

    def pause(self, seconds):
        """Waits; LinkClosed when the relay ends meanwhile."""
        if self._closing.wait(seconds):
            raise LinkClosed

    def _accept(self):
        while not self._closing.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(TIMEOUT_SECONDS)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.n_links += 1
            threading.Thread(target=self._run, args=(sock,), name="evil link", daemon=True).start()

    def _run(self, sock):
        link = self._link(self, sock)
        with self._lock:
            self._sockets.add(sock)
        try:
            link.run()
        except (OSError, LinkClosed):
            pass  # what a relay is to expect of its clients
        except Exception as error:
            self.faults.append(error)
        finally:
            with self._lock:
                self._sockets.discard(sock)
            link.sock.close()
