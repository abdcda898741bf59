# SPDX-License-Identifier: BSD-3-Clause
# What the kernel says of a process that is measured, finer than tests.net needs it.

import collections
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from tests.benchmarks.errors import BenchError
from tests.net.process import find_program, spawn, wait_until

Switches = collections.namedtuple("Switches", "voluntary involuntary")

POLLS = ("poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait", "epoll_pwait2")
ATTACH_SECONDS = 10

_LIBC = ctypes.CDLL(None, use_errno=True)


def cpu_seconds(child):
    """User and system time so far, of threads that have ended too. The process's own clock counts
    nanoseconds, where /proc counts ticks of 10 ms."""
    clock = ctypes.c_int()
    failed = _LIBC.clock_getcpuclockid(child.pid, ctypes.byref(clock))
    if failed:
        raise BenchError(f"the CPU clock of {child.name}: {os.strerror(failed)}")
    return time.clock_gettime(clock.value)


class SwitchCounter:
    """Counts the context switches of a process from its making on, thread by thread: one that ends meanwhile
    must not make the sum smaller."""

    def __init__(self, child):
        self._pid = child.pid
        self._start = self._read()

    def count(self):
        voluntary = involuntary = 0
        for thread, now in self._read().items():
            before = self._start.get(thread, Switches(0, 0))
            voluntary += now.voluntary - before.voluntary
            involuntary += now.involuntary - before.involuntary
        return Switches(voluntary, involuntary)

    def _read(self):
        found = {}
        for thread in os.listdir(f"/proc/{self._pid}/task"):
            try:
                text = pathlib.Path(f"/proc/{self._pid}/task/{thread}/status").read_text(encoding="utf-8",
                                                                                       errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            counts = dict(re.findall(r"^((?:non)?voluntary)_ctxt_switches:\s+(\d+)$", text, re.MULTILINE))
            found[thread] = Switches(int(counts["voluntary"]), int(counts["nonvoluntary"]))
        return found


def count_syscalls(child, seconds):
    """The system calls of a process during `seconds`, a dict from name to number. strace must be allowed to
    attach to it: as root."""
    with tempfile.TemporaryDirectory(prefix="cepa-bench-") as folder:
        summary, said = pathlib.Path(folder) / "summary", pathlib.Path(folder) / "said"
        argv = [find_program("strace"), "-f", "-c", "-U", "calls,name", "-o", summary, "-p", str(child.pid)]
        with open(said, "wb") as output:
            tracer = spawn(argv, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: tracer.poll() is not None or b"attached" in said.read_bytes(), ATTACH_SECONDS,
                       f"strace attaching to {child.name}")
            time.sleep(seconds if tracer.poll() is None else 0)
            tracer.send_signal(signal.SIGINT)
            tracer.wait(ATTACH_SECONDS)
        finally:
            tracer.kill()
            tracer.wait()
        if not summary.exists() or not child.alive:
            why = said.read_text(encoding="utf-8", errors="replace").strip()
            raise BenchError(f"strace could not watch {child.name}: {why}", "--deep has to be run as root.")
        return parse_strace_summary(summary.read_text(encoding="utf-8"))


def parse_strace_summary(text):
    """What `strace -c -U calls,name` wrote, as a dict from name to number."""
    calls = {name: int(number) for number, name in re.findall(r"^\s*(\d+)\s+(\w+)\s*$", text, re.MULTILINE)}
    calls.pop("total", None)
    return calls
