# SPDX-License-Identifier: BSD-3-Clause
# Proxies between the daemon and the network: SOCKS4, SOCKS5 and CONNECT, with what passed through them counted.

import base64
import ipaddress
import pathlib
import re
import socket
import struct
import threading

from tests.net import socks
from tests.net.servers import TcpServer

MAX_HEADER = 8192
ESTABLISHED = "01"


class Refused(OSError):
    """The proxy did not let a connection through, for the reason given."""


class UpstreamProxy(TcpServer):
    """`kind` is socks4, socks5 or https; with `login` ("user:password") nobody gets through without it. `targets` has
    (address, port) of each connection that was let through, `refusals` why others were not."""

    def __init__(self, kind, login=None, port=0):
        self._negotiate = {"socks4": self._socks4, "socks5": self._socks5, "https": self._https}[kind]
        self._login = login
        self.targets = []
        self.refusals = []
        super().__init__(self._pass, port)

    def _pass(self, sock):
        try:
            target, done = self._negotiate(sock)
        except Refused as error:
            self.refusals.append(str(error))
            return
        with socket.create_connection(target, 20) as relay:
            relay.settimeout(None)
            self.targets.append(target)
            sock.sendall(done)
            back = threading.Thread(target=pump, args=(relay, sock), name="proxy", daemon=True)
            back.start()
            pump(sock, relay)
            back.join()

    def _socks4(self, sock):
        version, command, port, address = struct.unpack("!BBH4s", socks.read_exactly(sock, 8))
        user = b""
        while not user.endswith(b"\0"):
            user += socks.read_exactly(sock, 1)
        if (version, command) != (4, 1):
            raise Refused(f"version {version}, command {command}")
        return (str(ipaddress.ip_address(address)), port), b"\0\x5a" + bytes(6)

    def _socks5(self, sock):
        version, n_methods = socks.read_exactly(sock, 2)
        methods = socks.read_exactly(sock, n_methods)
        method = 2 if self._login else 0
        if version != 5 or method not in methods:
            sock.sendall(b"\x05\xff")
            raise Refused(f"version {version}, methods {methods.hex()}")
        sock.sendall(bytes((5, method)))
        if self._login:
            said = socks.read_exactly(sock, 2)
            user = socks.read_exactly(sock, said[1])
            password = socks.read_exactly(sock, socks.read_exactly(sock, 1)[0])
            right = (user + b":" + password).decode() == self._login
            sock.sendall(b"\x01\x00" if right else b"\x01\x01")
            if not right:
                raise Refused("login")
        _, command, _, kind = socks.read_exactly(sock, 4)
        if command != socks.CONNECT or kind not in (1, 4):
            raise Refused(f"command {command}, type {kind}")
        address = ipaddress.ip_address(socks.read_exactly(sock, 4 if kind == 1 else 16))
        port, = struct.unpack("!H", socks.read_exactly(sock, 2))
        return (str(address), port), b"\x05\x00\x00\x01" + bytes(6)

    def _https(self, sock):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = sock.recv(1)
            if not byte or len(head) > MAX_HEADER:
                raise Refused("no request")
            head += byte
        text = head.decode("latin-1")
        match = re.match(r"CONNECT \[?([0-9a-f.:]+?)\]?:(\d+) HTTP/1\.[01]\r\n", text)
        if match is None:
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            raise Refused(text.partition("\r\n")[0])
        if self._login:
            wanted = base64.b64encode(self._login.encode()).decode()
            if f"\r\nProxy-Authorization: Basic {wanted}\r\n" not in text:
                sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")
                raise Refused("login")
        return (match.group(1), int(match.group(2))), b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n"


def pump(source, sink):
    """Hands on what comes from one socket to the other until either ends."""
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
    except OSError:
        pass
    for sock in (source, sink):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def peers(child):
    """The (address, port) of the other end of each connected TCP socket of the process over IPv4 or IPv6."""
    inodes = set()
    for link in pathlib.Path(f"/proc/{child.pid}/fd").iterdir():
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink()))
        except FileNotFoundError:
            continue
        inodes.update(match.groups() if match else ())
    found = set()
    for name in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/{child.pid}/net/{name}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == ESTABLISHED and fields[9] in inodes:
                address, port = fields[2].split(":")
                words = struct.unpack(f">{len(address) // 8}I", bytes.fromhex(address))
                packed = struct.pack(f"<{len(words)}I", *words)
                found.add((str(ipaddress.ip_address(packed)), int(port, 16)))
    return found
