# SPDX-License-Identifier: BSD-3-Clause
# The daemon on a private network where nothing goes wrong: pages, bulk, many streams, SOCKS, memory, what the
# log tells and keeps to itself.

import concurrent.futures
import contextlib
import hashlib
import os
import pathlib
import random
import re
import socket
import tempfile
import time
import unittest

from tests.net import Cepad, Network, TorClient, curl_start, socks, valid_after_of, wait_until
from tests.net.events import BOOTSTRAPPED, CONSENSUS_USED, attachments, bootstrap_lines, circuits
from tests.net.process import find_program
from tests.net.servers import Sink, TcpServer, echo
from tests.net.web import PAGE, ipv6_loopback

# Two processors that all the relays share do not move 100 MiB in less.
BULK_SECONDS = 150
# What memory may grow by while work goes on: allocators keep pages that no queue holds.
# A sanitized daemon (CEPA_SANITIZED=1) keeps what it freed for a while, and needs more for all that it has.
SANITIZED = os.environ.get("CEPA_SANITIZED") == "1"
GROWTH_KIB = 4096 * (4 if SANITIZED else 1)

MODULE = contextlib.ExitStack()
net = None
cepad = None
before_update = None


def setUpModule():
    global net, cepad, before_update
    net = MODULE.enter_context(Network(voting_interval=20))
    cepad = MODULE.enter_context(Cepad(net))
    cepad.wait_bootstrapped()
    before_update = valid_after_of(net.consensus_text())
    # The daemon asks for the next consensus in its own time: UpdateTest looks at the end.
    net.set_params({"circwindow": 500})


def tearDownModule():
    MODULE.close()


def sanitizer_options(more):
    """The environment of a daemon whose AddressSanitizer gets some options beside those of all."""
    return {"ASAN_OPTIONS": ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), more)))}


def new_cepad(test, **options):
    """A daemon of the test's own, ready."""
    daemon = test.enterContext(Cepad(net, **options))
    daemon.wait_bootstrapped()
    return daemon


def fetch_page(port, **options):
    """The page through a plain SOCKS connection, as bytes."""
    with socks.open_stream(port, "127.0.0.1", net.web_port, **options) as sock:
        sock.sendall(socks.http_get("/"))
        return socks.body_of(socks.read_all(sock))


def wait_quiet(child, seconds, timeout):
    """Waits until the process has used no processor time for `seconds`: what it moved stands still."""
    seen = [child.cpu_seconds(), time.monotonic()]

    def is_quiet():
        used = child.cpu_seconds()
        if used != seen[0]:
            seen[:] = [used, time.monotonic()]
        return time.monotonic() - seen[1] >= seconds
    wait_until(is_quiet, timeout, f"{child.name} standing still")


def circuit_of(daemon, **options):
    """Fetches the page and returns the number of the circuit that the stream was attached to."""
    mark = daemon.log_mark()
    if fetch_page(daemon.socks_port, **options) != PAGE.encode():
        raise AssertionError("not the page")
    found = attachments(daemon.log.text(mark))
    if len({stream for stream, _ in found}) != 1:
        raise AssertionError(f"one request, but the log has {found}")
    return found[-1][1]


class BootstrapTest(unittest.TestCase):
    # Tags and summaries of C Tor 0.4.9.11 (src/feature/control/control_bootstrap.c).
    COLD = [(0, "starting", "Starting"), (5, "conn", "Connecting to a relay"),
            (10, "conn_done", "Connected to a relay"), (14, "handshake", "Handshaking with a relay"),
            (15, "handshake_done", "Handshake with a relay done"),
            (20, "onehop_create", "Establishing an encrypted directory connection"),
            (25, "requesting_status", "Asking for networkstatus consensus"),
            (30, "loading_status", "Loading networkstatus consensus"),
            (40, "loading_keys", "Loading authority key certs"),
            (45, "requesting_descriptors", "Asking for relay descriptors"),
            (50, "loading_descriptors", "Loading relay descriptors"),
            (75, "enough_dirinfo", "Loaded enough directory info to build circuits"),
            (80, "ap_conn", "Connecting to a relay to build circuits"),
            (85, "ap_conn_done", "Connected to a relay to build circuits"),
            (89, "ap_handshake", "Finishing handshake with a relay to build circuits"),
            (90, "ap_handshake_done", "Handshake finished with a relay to build circuits"),
            (95, "circuit_create", "Establishing a Tor circuit"), (100, "done", "Done")]
    # A guard that is connected already, for directory requests, leaves these out.
    MAY_LACK = {80, 85, 89, 90}

    def check_lines(self, lines, wanted, may_lack=frozenset()):
        self.assertEqual([line for line in lines if line[0] not in may_lack],
                         [line for line in wanted if line[0] not in may_lack])
        self.assertLessEqual(set(lines), set(wanted))
        self.assertEqual(sorted(lines), lines)

    def test_cold_then_warm(self):
        daemon = new_cepad(self)
        # More descriptors than one request's answer holds would add lines between 50 and 74.
        cold = [line for line in bootstrap_lines(daemon.log_text()) if not 50 < line[0] < 75]
        self.check_lines(cold, self.COLD, self.MAY_LACK)
        on_console = [line for line in bootstrap_lines(daemon.output_path.read_text()) if not 50 < line[0] < 75]
        self.assertEqual(on_console, cold)

        self.assertEqual(daemon.stop(), 0)
        mark = daemon.log_mark()
        daemon.start()
        daemon.wait_bootstrapped()
        warm = bootstrap_lines(daemon.log.text(mark))
        self.check_lines(warm, [line for line in self.COLD if line[0] == 0 or line[0] >= 75])

    def test_lines_are_written_as_c_tor_writes_them(self):
        tor = self.enterContext(TorClient(net))
        tor.wait_bootstrapped()
        theirs = {tag: summary for _, tag, summary in bootstrap_lines(tor.log_text())}
        ours = {tag: summary for _, tag, summary in bootstrap_lines(cepad.log_text())}
        self.assertGreater(len(theirs.keys() & ours.keys()), 5)
        self.assertEqual({tag: ours[tag] for tag in theirs.keys() & ours.keys()},
                         {tag: theirs[tag] for tag in theirs.keys() & ours.keys()})
        line = next(line for line in cepad.log_text().splitlines() if BOOTSTRAPPED.search(line))
        self.assertRegex(line, r"^[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d\.\d{3} \[notice\] Bootstrapped 0% ")


class BulkTest(unittest.TestCase):
    def test_100_mib_down(self):
        result = cepad.curl(net.big_url, timeout=BULK_SECONDS)
        self.assertEqual((result.returncode, result.size, result.sha256),
                         (0, net.big_size, net.big_sha256), result)

    def test_100_mib_up(self):
        name = "from-cepa"
        result = cepad.curl(net.upload_url + name, timeout=BULK_SECONDS,
                            extra=["--upload-file", net.web.dir / "www" / "100M.bin"])
        self.assertEqual((result.returncode, result.http_code), (0, 201), result)
        with open(net.uploaded(name), "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.assertEqual(digest, net.big_sha256)


class HygieneTest(unittest.TestCase):
    USER, PASSWORD = "alice.of.example", "open-sesame-4711"
    PATH = "/a/page/that/is/nobodys/business"
    NAMES = ["web.cepa.test", "no-such-host.cepa.test", "bad!name.cepa.test", "x.cepa.exit",
             "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion", "198.51.100.23", "2001:db8::4711"]
    # Plain and as an isolation key might hold them.
    SECRETS = [text for word in (USER, PASSWORD) for text in (word, word.encode().hex(), word.encode().hex().upper())]

    def visit(self, daemon):
        login = f"{self.USER}:{self.PASSWORD}"
        for name in self.NAMES:
            is_address = name[0].isdigit()  # port 25, which no exit allows: they would wait for an answer
            socks.ask(daemon.socks_port, name, 25 if is_address else net.web_port, user=login)
        result = daemon.curl(net.web_url(self.PATH, "web.cepa.test"), user=login)
        self.assertEqual(result.http_code, 404)
        # What is not SOCKS at all must not be quoted either.
        with socks.dial(daemon.socks_port) as sock:
            sock.sendall(f"GET http://web.cepa.test{self.PATH} HTTP/1.0\r\n\r\n".encode())
            socks.read_all(sock)

    def test_targets_and_passwords_are_not_logged(self):
        with tempfile.TemporaryDirectory() as folder:
            debug = pathlib.Path(folder) / "debug"
            daemon = new_cepad(self, torrc=f"Log debug file {debug}\n")
            self.visit(daemon)
            # The log is written before the answer is: all that will come is there.
            info, everything = daemon.log_text(), debug.read_text(encoding="utf-8")
            console = daemon.output_path.read_text(encoding="utf-8")
        self.assertIn("[scrubbed]", info)
        self.assertIn("[debug]", everything)
        for secret in self.SECRETS:
            self.assertNotIn(secret, everything)
        for target in [*self.NAMES, self.PATH]:
            self.assertNotIn(target, info)
            self.assertNotIn(target, console)

    def test_safe_logging_0_shows_targets_but_never_passwords(self):
        daemon = new_cepad(self, torrc="SafeLogging 0\n")
        self.visit(daemon)
        self.assertIn("web.cepa.test", daemon.log_text())
        for secret in self.SECRETS:
            self.assertNotIn(secret, daemon.log_text())


class LookupTest(unittest.TestCase):
    """Names are the exits' to look up. What the daemon asks the kernel for is the proof."""

    class Traced(Cepad):
        def command(self):
            # -D: the daemon itself is the child, and is the one that gets the signals.
            return [find_program("strace"), "-D", "-f", "-q", "-o", self.dir / "trace",
                    "-e", "trace=socket,connect,sendto,sendmsg,sendmmsg,openat", *super().command()]

    def test_no_name_is_looked_up_here(self):
        # The leak checker cannot work under strace.
        daemon = self.enterContext(self.Traced(net, env=sanitizer_options("detect_leaks=0")))
        daemon.wait_bootstrapped()
        result = daemon.curl(net.web_url("/", "web.cepa.test"))
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)
        self.assertEqual(socks.ask(daemon.socks_port, "unknown.cepa.test", 80), socks.HOST_UNREACHABLE)
        self.assertEqual(daemon.stop(), 0)
        path = daemon.dir / "trace"
        wait_until(lambda: re.search(r"\+\+\+ exited with 0 \+\+\+\n$", path.read_text()), 10, "the trace's end")
        self.check(path.read_text())

    def check(self, trace):
        # A look-up needs a datagram socket, or one to a service on this machine, or asks netlink for routes.
        made = re.findall(r"\bsocket\((\w+), (\w+)", trace)
        self.assertGreater(len(made), 3)
        self.assertLessEqual(set(made), {("AF_INET", "SOCK_STREAM"), ("AF_UNIX", "SOCK_STREAM")})
        # Who is not root is not shown what the arguments point to: the daemon is not dumpable.
        if os.geteuid() == 0:
            relays = {(str(node.or_port), node.address) for node in net.nodes}
            reached = set(re.findall(r'connect\(.*sin_port=htons\((\d+)\), sin_addr=inet_addr\("([0-9.]+)"\)', trace))
            self.assertGreater(len(reached), 1)
            self.assertLessEqual(reached, relays)
            # D-Bus may be there; no service that looks names up.
            for path in re.findall(r'connect\(.*sun_path=@?"([^"]*)"', trace):
                self.assertRegex(path, "/(bus|dbus-[^/]*|system_bus_socket)$")
            self.assertIn("torrc", trace)
            self.assertNotRegex(trace, r"/etc/(resolv\.conf|hosts|nsswitch\.conf|gai\.conf)")


class ManyTest(unittest.TestCase):
    def test_200_streams_at_once(self):
        with TcpServer(echo) as server, contextlib.ExitStack() as stack:
            pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(200))
            opening = [pool.submit(socks.open_stream, cepad.socks_port, "127.0.0.1", server.port)
                       for _ in range(200)]
            streams = [stack.enter_context(future.result(60)) for future in opening]
            # All 200 are open now. Each has to get its own bytes back, and not another's.
            contents = [os.urandom(random.randrange(1, 40000)) for _ in streams]
            for answer, content in zip(pool.map(self.exchange, streams, contents), contents):
                self.assertEqual(answer, content)

    @staticmethod
    def exchange(stream, content):
        stream.sendall(content)
        return socks.read_exactly(stream, len(content))

    def test_credentials_choose_circuits(self):
        users = [f"user{i}:secret" for i in range(40)]
        used = {user: circuit_of(cepad, user=user) for user in users}
        self.assertEqual(len(set(used.values())), 40)
        random.shuffle(users)
        for user in users:
            self.assertEqual(circuit_of(cepad, user=user), used[user])
        # Each opened, and is told apart by more than its number: no two are one circuit of the network.
        opened = circuits(cepad.log_text())
        self.assertLessEqual(set(used.values()), set(opened))
        for path in opened.values():
            self.assertEqual(len(set(path)), 3)

    def test_40_circuits_at_once(self):
        mark = cepad.log_mark()
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            pages = list(pool.map(lambda i: fetch_page(cepad.socks_port, user=f"crowd:{i}"), range(40)))
        self.assertEqual(pages, [PAGE.encode()] * 40)
        found = attachments(cepad.log.text(mark))
        self.assertEqual(len({stream for stream, _ in found}), 40)
        self.assertEqual(len({circuit for _, circuit in found}), 40)

    def test_what_counts_as_the_same_credentials(self):
        different = [None, "ab:c", "a:bc", "ab:", ":abc", "ab:C"]
        used = [circuit_of(cepad, user=user) for user in different]
        self.assertEqual(len(set(used)), len(different), list(zip(different, used)))
        self.assertEqual([circuit_of(cepad, user=user) for user in different], used)


class MemoryTest(unittest.TestCase):
    ENV = sanitizer_options("quarantine_size_mb=1:thread_local_quarantine_size_kb=64")

    def fetch_many(self, port, number):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for page in pool.map(lambda i: fetch_page(port), range(number)):
                self.assertEqual(page, PAGE.encode())

    def test_1000_requests(self):
        daemon = new_cepad(self, env=self.ENV)
        self.fetch_many(daemon.socks_port, 100)
        before = daemon.rss_kib()
        self.fetch_many(daemon.socks_port, 700)
        for _ in range(200):
            self.assertEqual(fetch_page(daemon.socks_port), PAGE.encode())
        grown = daemon.rss_kib() - before
        self.assertLess(grown, GROWTH_KIB, f"from {before} KiB by {grown} KiB")
        self.assertEqual(len({stream for stream, _ in attachments(daemon.log_text())}), 1000)
        # Nor are descriptors kept.
        self.assertEqual(daemon.stop(), 0)

    def test_slow_reader(self):
        daemon = new_cepad(self, env=self.ENV)
        self.assertEqual(fetch_page(daemon.socks_port), PAGE.encode())
        before = daemon.peak_rss_kib()  # reading the directory needed more than it keeps
        with socks.open_stream(daemon.socks_port, "127.0.0.1", net.web_port) as sock:
            sock.sendall(socks.http_get("/100M.bin"))
            head = socks.read_exactly(sock, 1024)
            wait_quiet(daemon, 2, 60)
            # Others on the same circuit are not held up.
            self.assertEqual(fetch_page(daemon.socks_port), PAGE.encode())
            self.assertEqual(len({circuit for _, circuit in attachments(daemon.log_text())}), 1)
            grown = daemon.peak_rss_kib() - before
            self.assertLess(grown, GROWTH_KIB, f"from {before} KiB by {grown} KiB")
            body = socks.body_of(head)
            digest, size = hashlib.sha256(body), len(body)
            sock.settimeout(60)
            while data := sock.recv(1 << 18):
                digest.update(data)
                size += len(data)
        self.assertEqual((size, digest.hexdigest()), (net.big_size, net.big_sha256))
        grown = daemon.peak_rss_kib() - before
        self.assertLess(grown, GROWTH_KIB, f"from {before} KiB by {grown} KiB")

    def test_slow_server(self):
        daemon = new_cepad(self, env=self.ENV)
        self.assertEqual(fetch_page(daemon.socks_port), PAGE.encode())
        before = daemon.peak_rss_kib()
        sink = Sink()
        content = (net.web.dir / "www" / "100M.bin").read_bytes()[:20 << 20]
        with TcpServer(sink) as server:
            with socks.open_stream(daemon.socks_port, "127.0.0.1", server.port, timeout=BULK_SECONDS) as sock:
                with concurrent.futures.ThreadPoolExecutor(1) as pool:
                    sending = pool.submit(sock.sendall, content)
                    wait_quiet(daemon, 2, 60)
                    self.assertFalse(sending.done(), "20 MiB went out to a server that reads nothing")
                    self.assertEqual(fetch_page(daemon.socks_port), PAGE.encode())
                    grown = daemon.peak_rss_kib() - before
                    self.assertLess(grown, GROWTH_KIB, f"from {before} KiB by {grown} KiB")
                    sink.gate.set()
                    sending.result(BULK_SECONDS)
            wait_until(lambda: server.results, BULK_SECONDS, "the server seeing the end of the upload")
        self.assertEqual(server.results, [(len(content), hashlib.sha256(content).hexdigest())])


class PageTest(unittest.TestCase):
    def test_by_name_and_by_address(self):
        hosts = ["127.0.0.1", "web.cepa.test", "web4.cepa.test", "WEB4.Cepa.Test", "web.cepa.test."]
        hosts += ["[::1]", "web6.cepa.test"] if ipv6_loopback() else []
        for host in hosts:
            with self.subTest(host):
                result = cepad.curl(net.web_url("/", host))
                self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)

    def test_a_name_that_curl_looked_up_itself(self):
        """socks5 in place of socks5h: the proxy gets an address."""
        result = cepad.curl(net.web_url("/", "localhost"), resolve="socks5")
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)

    def test_every_path_keeps_the_rules(self):
        guards = {node.fingerprint for node in net.relays}
        exits = {node.fingerprint for node in net.exits}
        family = {node.fingerprint for node in net.family}
        for number in range(20):
            circuit_of(cepad, user=f"paths:{number}")
        paths = circuits(cepad.log_text())
        self.assertGreaterEqual(len(paths), 20)
        for number, (guard, middle, last) in paths.items():
            with self.subTest(circuit=number):
                self.assertIn(guard, guards)
                self.assertIn(last, exits)
                self.assertEqual(len({guard, middle, last}), 3)
                self.assertFalse(family <= {guard, middle, last}, "two of a family")
        self.assertEqual({path[2] for path in paths.values()}, exits)


class SocksTest(unittest.TestCase):
    def ask(self, host, port, **options):
        return socks.ask(cepad.socks_port, host, port, **options)

    def read_page(self, sock):
        self.assertEqual(socks.body_of(socks.read_all(sock)), PAGE.encode())

    def test_without_and_with_login(self):
        for user in (None, "someone:something", "x:", ":x", "u" * 255 + ":" + "p" * 255):
            with self.subTest(user):
                self.assertEqual(fetch_page(cepad.socks_port, user=user), PAGE.encode())

    def test_optimistic_data(self):
        """Everything in one packet: greeting, request, and the bytes for the other end."""
        request = socks.request_bytes("web.cepa.test", net.web_port)
        for login in (b"", socks.login_bytes("optimist", "")):
            greeting = b"\x05\x01\x02" if login else socks.GREETING
            with self.subTest(login=login), socks.dial(cepad.socks_port) as sock:
                sock.sendall(greeting + login + request + socks.http_get("/"))
                answer = socks.read_exactly(sock, 4 if login else 2)
                self.assertEqual(answer, b"\x05\x02\x01\x00" if login else socks.GREETING_ANSWER)
                self.assertEqual(socks.read_reply(sock), socks.SUCCEEDED)
                self.read_page(sock)

    def test_much_optimistic_data(self):
        content = os.urandom(200000)
        with TcpServer(echo) as server, socks.dial(cepad.socks_port) as sock:
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                sending = pool.submit(sock.sendall, socks.GREETING + socks.request_bytes("127.0.0.1", server.port)
                                      + content)
                self.assertEqual(socks.read_exactly(sock, 2), socks.GREETING_ANSWER)
                self.assertEqual(socks.read_reply(sock), socks.SUCCEEDED)
                self.assertEqual(socks.read_exactly(sock, len(content)), content)
                sending.result(10)

    def test_byte_by_byte(self):
        with socks.dial(cepad.socks_port) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in (b"\x05\x01\x02" + socks.login_bytes("a", "b")
                         + socks.request_bytes("web4.cepa.test", net.web_port)):
                sock.sendall(bytes((byte,)))
            self.assertEqual(socks.read_exactly(sock, 4), b"\x05\x02\x01\x00")
            self.assertEqual(socks.read_reply(sock), socks.SUCCEEDED)
            sock.sendall(socks.http_get("/"))
            self.read_page(sock)

    def test_half_close(self):
        """Who sends no more still gets the answer, also a long one."""
        long = os.urandom(10 << 20)
        (net.web.dir / "www" / "long").write_bytes(long)
        with socks.open_stream(cepad.socks_port, "127.0.0.1", net.web_port) as sock:
            sock.sendall(socks.http_get("/"))
            sock.shutdown(socket.SHUT_WR)
            self.read_page(sock)
        with socks.open_stream(cepad.socks_port, "127.0.0.1", net.web_port) as sock:
            sock.sendall(socks.http_get("/long"))
            sock.shutdown(socket.SHUT_WR)
            self.assertEqual(hashlib.sha256(socks.body_of(socks.read_all(sock))).digest(),
                             hashlib.sha256(long).digest())

    def test_half_close_before_the_reply(self):
        with socks.dial(cepad.socks_port) as sock:
            sock.sendall(socks.GREETING + socks.request_bytes("127.0.0.1", net.web_port) + socks.http_get("/"))
            sock.shutdown(socket.SHUT_WR)
            self.assertEqual(socks.read_exactly(sock, 2), socks.GREETING_ANSWER)
            self.assertEqual(socks.read_reply(sock), socks.SUCCEEDED)
            self.read_page(sock)

    def test_half_close_behind_much(self):
        """What was sent before the end of sending arrives, all of it, before the server sees the end."""
        sink = Sink()
        content = os.urandom(3 << 20)
        with TcpServer(sink) as server:
            with socks.open_stream(cepad.socks_port, "127.0.0.1", server.port) as sock:
                with concurrent.futures.ThreadPoolExecutor(1) as pool:
                    sending = pool.submit(sock.sendall, content)
                    sink.gate.set()
                    sending.result(30)
                sock.shutdown(socket.SHUT_WR)
                self.assertEqual(socks.read_all(sock), b"")
            wait_until(lambda: server.results, 30, "the server seeing the end")
        self.assertEqual(server.results, [(len(content), hashlib.sha256(content).hexdigest())])

    def test_the_other_end_hangs_up(self):
        def answer(sock):
            sock.sendall(b"bye")
            return sock.recv(100)
        with TcpServer(answer) as server:
            with socks.open_stream(cepad.socks_port, "127.0.0.1", server.port) as sock:
                sock.sendall(b"hello")
                self.assertEqual(socks.read_all(sock), b"bye")

    def test_an_application_that_leaves(self):
        """At each step; the daemon goes on."""
        parts = [socks.GREETING, socks.request_bytes("silent.cepa.test", 80), b"GET /"]
        for number in range(len(parts) + 1):
            with socks.dial(cepad.socks_port) as sock:
                sock.sendall(b"".join(parts[:number]))
                if number:
                    socks.read_exactly(sock, 2)
        self.assertEqual(fetch_page(cepad.socks_port), PAGE.encode())

    def test_reply_refused(self):
        # C Tor's exits answer a connection to a relay with CONNECTREFUSED, by themselves.
        node = net.relays[0]
        self.assertEqual(self.ask(node.address, node.or_port), socks.CONNECTION_REFUSED)

    def test_reply_refused_port(self):
        """Of a port that nobody listens on, C Tor's exits say MISC: connection_handle_write_impl() takes the
        reason from an errno that is no longer the connection's. What the application is told is then what C
        Tor's client tells it."""
        tor = self.enterContext(TorClient(net))
        tor.wait_bootstrapped()
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        mark = cepad.log_mark()
        code = self.ask("127.0.0.1", port)
        said = re.findall(r"stream \d+ ended: (\w+)", cepad.log.text(mark))
        self.assertLessEqual(set(said), {"MISC", "CONNECTREFUSED"})
        self.assertEqual(code, socks.CONNECTION_REFUSED if "CONNECTREFUSED" in said else socks.GENERAL_FAILURE)
        self.assertEqual(code, socks.ask(tor.socks_port, "127.0.0.1", port))

    def test_reply_unresolvable(self):
        self.assertEqual(self.ask("unknown.cepa.test", 80), socks.HOST_UNREACHABLE)

    def test_reply_no_exit_allows_the_port(self):
        for host in ("127.0.0.1", "web.cepa.test", "::1"):
            self.assertEqual(self.ask(host, 25), socks.NOT_ALLOWED, host)

    def test_reply_refused_by_cepa(self):
        for host in ("expyuzz4wqqyqhjn.onion", "www.duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion",
                     "web.cepa.test.relay1.exit"):
            self.assertEqual(self.ask(host, 80), socks.NOT_ALLOWED, host)

    def test_reply_unsupported_command(self):
        for command in (socks.BIND, socks.UDP_ASSOCIATE, 0, 0x99):
            self.assertEqual(self.ask("127.0.0.1", net.web_port, command=command), socks.COMMAND_NOT_SUPPORTED)

    def test_reply_bad_address_type(self):
        for kind in (0, 2, 5, 255):
            with socks.dial(cepad.socks_port) as sock:
                socks.greet(sock)
                sock.sendall(bytes((5, 1, 0, kind)) + bytes(6))
                self.assertEqual(socks.read_reply(sock), socks.ADDRESS_NOT_SUPPORTED)

    def test_no_method_in_common(self):
        with socks.dial(cepad.socks_port) as sock:
            sock.sendall(b"\x05\x01\x01")  # GSSAPI alone
            self.assertEqual(socks.read_all(sock), b"\x05\xff")

    def test_http_gets_an_explanation(self):
        for request in (b"GET http://example.com/ HTTP/1.1\r\n\r\n", b"CONNECT example.com:443 HTTP/1.1\r\n\r\n"):
            with socks.dial(cepad.socks_port) as sock:
                sock.sendall(request)
                answer = socks.read_all(sock).decode("ascii")
            self.assertRegex(answer, r"^HTTP/1\.0 501 [^\r\n]+\r\n(.+\r\n)+\r\n")
            self.assertRegex(answer.partition("\r\n\r\n")[2], r"Cepa.*SOCKS5")

    def test_socks4_is_refused_in_its_own_words(self):
        with socks.dial(cepad.socks_port) as sock:
            sock.sendall(b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00")
            self.assertEqual(socks.read_all(sock)[:2], b"\x00\x5b")

    def test_nonsense_ends_the_connection(self):
        for nonsense in (b"\x16\x03\x01\x02\x00" + bytes(200), bytes(100), b"\xff" * 600, b"SSH-2.0-x\r\n"):
            with socks.dial(cepad.socks_port) as sock:
                sock.sendall(nonsense)
                try:
                    self.assertEqual(socks.read_all(sock), b"")
                except ConnectionResetError:
                    pass  # closed before it had read it all
        self.assertEqual(fetch_page(cepad.socks_port), PAGE.encode())

    def test_two_listeners_do_not_share_circuits(self):
        daemon = new_cepad(self, torrc="SocksPort 127.0.0.1:auto\nSocksPort 127.0.0.1:auto\n")
        wait_until(lambda: len(re.findall("Opened Socks listener", daemon.log_text())) == 2, 5, "two listeners")
        ports = [int(port) for port in re.findall(r"Opened Socks listener .* on 127\.0\.0\.1:(\d+)", daemon.log_text())]
        for port in ports:
            self.assertEqual(fetch_page(port), PAGE.encode())
        self.assertEqual(len({circuit for _, circuit in attachments(daemon.log_text())}), 2)


class StopTest(unittest.TestCase):
    """SIGINT and SIGTERM end it with status 0 within two seconds, whatever it is doing."""

    LIMIT_SECONDS = 2

    def check_end(self, daemon, number):
        began = time.monotonic()
        daemon.process.send_signal(number)
        self.assertEqual(daemon.process.wait(10), 0)
        self.assertLess(time.monotonic() - began, self.LIMIT_SECONDS)

    def test_idle(self):
        for number in (2, 15):
            with self.subTest(signal=number):
                daemon = new_cepad(self)
                wait_quiet(daemon, 0.5, 30)
                self.check_end(daemon, number)

    def test_in_mid_transfer(self):
        for number in (2, 15):
            with self.subTest(signal=number):
                daemon = new_cepad(self)
                down = curl_start(daemon.socks_port, net.slow_url)
                up = curl_start(daemon.socks_port, net.upload_url + "stopped", user="up:",
                                extra=["--limit-rate", "300k", "--upload-file", net.web.dir / "www" / "100M.bin"])
                wait_until(lambda: down.received > 0, 20, "the first bytes")
                wait_until(lambda: len(attachments(daemon.log_text())) == 2, 20, "the upload")
                self.check_end(daemon, number)
                self.assertNotEqual(down.finish().returncode, 0)
                self.assertNotEqual(up.finish().returncode, 0)

    def test_with_an_application_that_does_not_read(self):
        daemon = new_cepad(self)
        with socks.open_stream(daemon.socks_port, "127.0.0.1", net.web_port) as sock:
            sock.sendall(socks.http_get("/100M.bin"))
            wait_quiet(daemon, 1, 60)
            self.check_end(daemon, 15)


class UpdateTest(unittest.TestCase):
    def test_a_new_consensus_is_used(self):
        """With the parameters that were voted at the start, while all other tests ran."""
        def used():
            dates = [match.group(1) for match in CONSENSUS_USED.finditer(cepad.log_text())]
            times = [valid_after_of(f"valid-after {date}\n") for date in dates]
            self.assertEqual(times, sorted(set(times)), "not each newer than the one before")
            return [time for time in times if time > before_update]
        newest = wait_until(used, 90, "a newer consensus")[-1]
        cached = (cepad.data_dir / "cached-microdesc-consensus").read_text(encoding="ascii")
        self.assertGreaterEqual(valid_after_of(cached), newest)
        self.assertRegex(cached, r"(?m)^params .*\bcircwindow=500\b")
        result = cepad.curl(net.web_url(), user="after:update")
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)
        sent = net.web.dir / "www" / "100M.bin"
        sink = Sink()
        sink.gate.set()
        content = sent.read_bytes()[:2 << 20]
        with TcpServer(sink) as server:
            with socks.open_stream(cepad.socks_port, "127.0.0.1", server.port, user="after:update") as sock:
                sock.sendall(content)
            wait_until(lambda: server.results, 30, "the upload's end")
        self.assertEqual(server.results, [(len(content), hashlib.sha256(content).hexdigest())])


if __name__ == "__main__":
    unittest.main()
