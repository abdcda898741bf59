# SPDX-License-Identifier: BSD-3-Clause
# SOCKS5 by hand (RFC 1928, RFC 1929), for what curl cannot do: send early, send halves, send nonsense.

import ipaddress
import socket
import struct

SUCCEEDED, GENERAL_FAILURE, NOT_ALLOWED, NETWORK_UNREACHABLE, HOST_UNREACHABLE = 0, 1, 2, 3, 4
CONNECTION_REFUSED, TTL_EXPIRED, COMMAND_NOT_SUPPORTED, ADDRESS_NOT_SUPPORTED = 5, 6, 7, 8

CONNECT, BIND, UDP_ASSOCIATE = 1, 2, 3
GREETING = b"\x05\x01\x00"
GREETING_ANSWER = b"\x05\x00"
TIMEOUT_SECONDS = 60


class SocksError(Exception):
    """The proxy answered with a code other than success: `code`."""

    def __init__(self, code):
        super().__init__(f"SOCKS reply {code}")
        self.code = code


def dial(port, timeout=TIMEOUT_SECONDS):
    """A TCP connection to the proxy on 127.0.0.1:`port`."""
    return socket.create_connection(("127.0.0.1", port), timeout)


def request_bytes(host, port, command=CONNECT):
    """A request for `host`: an IPv4 or IPv6 address without brackets, or a name."""
    try:
        address = ipaddress.ip_address(host)
        target = bytes((1 if address.version == 4 else 4,)) + address.packed
    except ValueError:
        target = bytes((3, len(host))) + host.encode("ascii")
    return bytes((5, command, 0)) + target + struct.pack("!H", port)


def login_bytes(user, password):
    """User and password; the greeting that offers them comes first."""
    user, password = user.encode(), password.encode()
    return bytes((1, len(user))) + user + bytes((len(password),)) + password


def read_exactly(sock, size):
    """`size` bytes, or fewer where the connection ends."""
    data = b""
    while len(data) < size:
        chunk = sock.recv(size - len(data))
        if not chunk:
            break
        data += chunk
    return data


def read_all(sock):
    """Everything until the connection ends."""
    chunks = []
    while chunk := sock.recv(1 << 16):
        chunks.append(chunk)
    return b"".join(chunks)


def read_reply(sock):
    """The code of the reply to a request; ConnectionError where the proxy sends none."""
    head = read_exactly(sock, 4)
    if len(head) < 4 or head[0] != 5:
        raise ConnectionError(f"no SOCKS5 reply: {head!r}")
    length = {1: 4, 4: 16}[head[3]]
    if len(read_exactly(sock, length + 2)) != length + 2:
        raise ConnectionError("half a SOCKS5 reply")
    return head[1]


def greet(sock, user=None):
    """Greets, and logs in as `user` ("name:password") where that is given."""
    if user is None:
        sock.sendall(GREETING)
        answer = read_exactly(sock, 2)
        if answer != GREETING_ANSWER:
            raise ConnectionError(f"the greeting is answered with {answer!r}")
        return
    sock.sendall(b"\x05\x02\x00\x02" + login_bytes(*user.split(":", 1)))
    answer = read_exactly(sock, 4)
    if answer != b"\x05\x02\x01\x00":
        raise ConnectionError(f"the login is answered with {answer!r}")


def ask(proxy_port, host, port, *, user=None, command=CONNECT, timeout=TIMEOUT_SECONDS):
    """The code that a request is answered with."""
    with dial(proxy_port, timeout) as sock:
        greet(sock, user)
        sock.sendall(request_bytes(host, port, command))
        return read_reply(sock)


def open_stream(proxy_port, host, port, *, user=None, timeout=TIMEOUT_SECONDS):
    """A socket that is connected to `host`:`port` through the proxy. Raises SocksError."""
    sock = dial(proxy_port, timeout)
    try:
        greet(sock, user)
        sock.sendall(request_bytes(host, port))
        code = read_reply(sock)
        if code != SUCCEEDED:
            raise SocksError(code)
    except BaseException:
        sock.close()
        raise
    return sock


def http_get(path, host="web.cepa.test"):
    return f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode("ascii")


def body_of(answer):
    """The body of a whole HTTP answer."""
    return answer.partition(b"\r\n\r\n")[2]
