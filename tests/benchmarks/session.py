# SPDX-License-Identifier: BSD-3-Clause
# One client measured on the network, from its first start to its end.

import contextlib
import dataclasses
import pathlib
import re
import socket
import time

from tests.benchmarks.errors import BenchError
from tests.benchmarks.probe import POLLS, SwitchCounter, count_syscalls, cpu_seconds
from tests.net import Cepad, ProcessDied, TorClient
from tests.net.web import BIG_NAME, PAGE

MIB = 1 << 20
GIB = 1 << 30

BOOTSTRAPPED = re.compile(r"Bootstrapped 100% \(done\): Done")
BOOTSTRAP_SECONDS = 120
BOOTSTRAP_POLL_SECONDS = 0.002
TRANSFER_SECONDS = 300
STREAM_SECONDS = 30
MAX_HEADER = 4096


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is done for each figure."""

    runs: int = 3
    transfers: int = 3
    transfer_bytes: int = 100 * MIB
    settle_seconds: float = 5  # from the bootstrap's end to idleness: circuits are built ahead
    idle_seconds: float = 30
    streams: int = 100
    rounds: int = 10  # of daemons that download in turns
    deep: bool = False


SMOKE_PLAN = Plan(runs=1, transfers=1, transfer_bytes=MIB, settle_seconds=0, idle_seconds=0.5, streams=3, rounds=1)


class NoticeLog:
    """A client that logs as it does unasked: the fixture's wants level info, which costs time."""

    def command(self):
        return [*super().command(), "--Log", f"notice file {self.log_path}"]


class BenchCepad(NoticeLog, Cepad):
    pass


class BenchTor(NoticeLog, TorClient):
    pass


class Session:
    """`run` takes the wanted measurements of `client`, which is not running yet, and returns a dict from
    figure to value. say: called with a short text at each step."""

    def __init__(self, client, net, plan, wanted, say):
        self.client = client
        self.net = net
        self.plan = plan
        self.wanted = wanted
        self.say = say
        self.values = {}

    def run(self):
        try:
            self._start("cold")
            for name, step in (("idle", self._idle), ("download", self._download), ("upload", self._upload)):
                if name in self.wanted:
                    step()
            self.client.stop()
            if self.wanted & {"warm", "streams"}:
                self._start("warm")
                if "streams" in self.wanted:
                    self._streams()
                self.client.stop()
        finally:
            self.client.kill()
        return self.values

    def _start(self, kind):
        self.say(f"{kind} bootstrap")
        mark = self.client.log_mark()
        began = time.monotonic()
        self.client.start()
        self._wait_bootstrapped(mark, began + BOOTSTRAP_SECONDS)
        seconds, cpu = time.monotonic() - began, cpu_seconds(self.client)
        if kind in self.wanted:
            self.values[f"{kind}_seconds"] = seconds
            self.values[f"{kind}_cpu"] = cpu * 1000

    def _wait_bootstrapped(self, mark, deadline):
        """As Client.wait_bootstrapped, but looks often enough for a start that takes a tenth of a second."""
        for line in self.client.log.lines(mark):
            if line is not None:
                if BOOTSTRAPPED.search(line):
                    return
                continue
            if not self.client.alive:
                raise ProcessDied(f"{self.client.name} ended before it was bootstrapped:\n"
                                  f"{self.client.last_words()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.client.name} was not bootstrapped within {BOOTSTRAP_SECONDS} s;"
                                   f" its log's end:\n{self.client.log.tail()}")
            time.sleep(BOOTSTRAP_POLL_SECONDS)

    def _idle(self):
        self.say(f"idle for {self.plan.idle_seconds:g} s")
        time.sleep(self.plan.settle_seconds)
        switches, cpu, began = SwitchCounter(self.client), cpu_seconds(self.client), time.monotonic()
        time.sleep(self.plan.idle_seconds)
        counted, cpu, seconds = switches.count(), cpu_seconds(self.client) - cpu, time.monotonic() - began
        self.values["idle_switches"] = sum(counted) / seconds
        self.values["idle_wakeups"] = counted.voluntary / seconds
        self.values["idle_cpu"] = cpu * 1000 / seconds
        self.values["rss_idle"] = self._rss()
        if self.plan.deep:
            self.say(f"idle for {self.plan.idle_seconds:g} s under strace")
            calls = count_syscalls(self.client, self.plan.idle_seconds)
            self.values["idle_polls"] = sum(calls.get(name, 0) for name in POLLS) / self.plan.idle_seconds
            self.values["idle_syscalls"] = sum(calls.values()) / self.plan.idle_seconds

    def _rss(self):
        return self.client.rss_kib() / 1024

    # Transfers

    def open_circuit(self):
        """Fetches the page, so that the transfers behind it find an open circuit."""
        self._check(self.client.curl(self.net.web_url(), timeout=STREAM_SECONDS), 200, len(PAGE.encode()))

    def _cpu_per_gib(self, transfer, count):
        before = cpu_seconds(self.client)
        for number in range(count):
            transfer(number)
        return (cpu_seconds(self.client) - before) * GIB / (count * self.plan.transfer_bytes)

    def _check(self, result, http_code, size):
        if result.returncode != 0 or result.http_code != http_code or result.size != size:
            raise BenchError(f"a transfer through {self.client.name} failed: {result}; {size} bytes and HTTP"
                             f" {http_code} were expected. Its log's end:\n{self.client.log.tail()}")

    def fetch(self, number=0):
        size = self.plan.transfer_bytes
        self.say(f"download {number + 1}")
        result = self.client.curl(self.net.big_url, timeout=TRANSFER_SECONDS,
                                  extra=["--range", f"0-{size - 1}"])
        self._check(result, 206, size)

    def _download(self):
        self.open_circuit()
        self.values["download_cpu"] = self._cpu_per_gib(self.fetch, self.plan.transfers)
        self.values["rss_after"] = self._rss()

    def _upload(self):
        source = self.client.dir / "upload"
        size = self.plan.transfer_bytes
        with open(self.net.web.dir / "www" / BIG_NAME, "rb") as file:
            source.write_bytes(file.read(size))

        def upload(number):
            self.say(f"upload {number + 1}")
            name = f"{self.client.dir.name}-{number}"
            result = self.client.curl(self.net.upload_url + name, timeout=TRANSFER_SECONDS,
                                      extra=["--upload-file", source])
            self._check(result, 201, 0)
            received = pathlib.Path(self.net.uploaded(name))
            if received.stat().st_size != size:
                raise BenchError(f"{received.stat().st_size} of {size} bytes of an upload arrived")
            received.unlink()

        self.open_circuit()
        self.values["upload_cpu"] = self._cpu_per_gib(upload, self.plan.transfers)
        source.unlink()

    # Streams

    def _streams(self):
        self.open_circuit()
        self.say(f"{self.plan.streams} streams")
        with contextlib.ExitStack() as stack:
            for _ in range(self.plan.streams):
                fetch_and_keep(stack, self.client.socks_port, self.net.web_port)
            self.values["rss_streams"] = self._rss()
            self.values["streams_cpu"] = self._cpu_per_gib(self.fetch, 1)


def fetch_and_keep(stack, socks_port, web_port):
    """Fetches the page over SOCKS5 and leaves the connection open until the ExitStack `stack` ends."""
    link = stack.enter_context(socket.create_connection(("127.0.0.1", socks_port), STREAM_SECONDS))
    reader = stack.enter_context(link.makefile("rb"))
    link.sendall(b"\5\1\0")
    if reader.read(2) != b"\5\0":
        raise BenchError(f"the SOCKS port {socks_port} refused a connection without a password")
    link.sendall(b"\5\1\0\1" + socket.inet_aton("127.0.0.1") + web_port.to_bytes(2, "big"))
    reply = reader.read(10)
    if len(reply) != 10 or reply[1] != 0:
        raise BenchError(f"a stream through the SOCKS port {socks_port} failed: reply"
                         f" {reply.hex() or 'none'}")
    link.sendall(b"GET / HTTP/1.1\r\nHost: web.cepa.test\r\n\r\n")
    header = b""
    while not header.endswith(b"\r\n\r\n"):
        line = reader.readline(MAX_HEADER)
        header += line
        if not line or len(header) > MAX_HEADER:
            raise BenchError(f"a stream through the SOCKS port {socks_port} ended early: {header!r}")
    body = PAGE.encode()
    if not header.startswith(b"HTTP/1.1 200 ") or reader.read(len(body)) != body:
        raise BenchError(f"a stream through the SOCKS port {socks_port} did not bring the page: {header!r}")
