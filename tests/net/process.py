# SPDX-License-Identifier: BSD-3-Clause
# Child processes that cannot outlive this one, what the kernel says of them, and their logs.

import collections
import concurrent.futures
import ctypes
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

POLL_SECONDS = 0.05
PR_SET_PDEATHSIG = 1
SYSTEM_PATH = os.pathsep.join((os.environ.get("PATH", "/usr/bin:/bin"), "/usr/sbin", "/sbin"))

ContextSwitches = collections.namedtuple("ContextSwitches", "voluntary involuntary")

_LIBC = ctypes.CDLL(None, use_errno=True)

# The kernel sends the death signal when the *thread* that forked ends, not the process. All children are
# therefore forked by this one thread, which lives as long as the interpreter, so a test may start a node from
# any thread.
_SPAWNER = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


class ProcessDied(RuntimeError):
    """A process that something waited for has ended."""


def find_program(name):
    """The full path of a program, also where an ordinary user's PATH lacks the sbin folders."""
    found = shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        raise FileNotFoundError(f"the program {name} is not installed")
    return found


def wait_until(condition, timeout, what):
    """Polls `condition` until it returns something true, which is returned; TimeoutError names `what` after
    `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{what}: not within {timeout:g} s")
        time.sleep(POLL_SECONDS)


def spawn(argv, **options):
    """subprocess.Popen whose child gets SIGKILL when this process dies, however it dies, and which a Ctrl-C
    at the terminal does not reach: it is ours to end."""
    parent = os.getpid()

    def die_with_parent():
        # The second test closes the gap in which the parent died before the signal was asked for.
        if _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0 or os.getppid() != parent:
            os._exit(127)

    options.setdefault("stdin", subprocess.DEVNULL)
    return _SPAWNER.submit(subprocess.Popen, [os.fspath(a) for a in argv], preexec_fn=die_with_parent,
                           start_new_session=True, **options).result()


def exit_on_signals():
    """Lets the first SIGINT, SIGTERM or SIGHUP unwind everything and end with 128 + its number, as shells
    have it; further ones must not disturb that."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def handler(number, frame):
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    for number in numbers:
        signal.signal(number, handler)


class Log:
    """A log file that another process appends to."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def mark(self):
        """The present end of the log: hand it to `wait` or `text` as `since`."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def text(self, since=0):
        try:
            with open(self.path, "rb") as file:
                file.seek(since)
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def tail(self, lines=15):
        return "\n".join(self.text(max(0, self.mark() - 65536)).splitlines()[-lines:])

    def lines(self, since=0):
        """A generator of each complete line from `since` on; gives None where the file ends for now, and goes
        on from there when asked again."""
        position, partial = since, b""
        while True:
            try:
                with open(self.path, "rb") as file:
                    file.seek(position)
                    chunk = file.read()
            except FileNotFoundError:
                chunk = b""
            position += len(chunk)
            *complete, partial = (partial + chunk).split(b"\n")
            for line in complete:
                yield line.decode("utf-8", "replace")
            yield None

    def follow(self, timeout, what, *, since=0, owner=None):
        """A generator of the lines, and of None at each moment without a new one, so that the caller can do
        something else. Raises TimeoutError after `timeout` seconds, or ProcessDied when the Child `owner` has
        ended and all that it wrote has been given; both name `what`."""
        deadline = time.monotonic() + timeout
        ended = False
        for line in self.lines(since):
            yield line
            if line is not None:
                continue
            if ended:
                raise ProcessDied(f"{owner.name} ended with status {owner.process.poll()} before {what}\n"
                                  + owner.last_words())
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{what} not in {self.path} within {timeout:g} s; its end:\n{self.tail()}")
            ended = owner is not None and not owner.alive
            time.sleep(0 if ended else POLL_SECONDS)

    def wait(self, regex, timeout, *, since=0, owner=None):
        """The match of `regex` in the first line that has one; raises as `follow` does."""
        pattern = re.compile(regex)
        for line in self.follow(timeout, f"/{regex}/", since=since, owner=owner):
            match = pattern.search(line) if line is not None else None
            if match:
                return match
        return None


class Child:
    """A process that can be stopped, killed, frozen and measured, and its log."""

    def __init__(self, name, log_path):
        self.name = name
        self.process = None
        self.log = Log(log_path)
        self.log_path = self.log.path
        self.frozen = False
        self._run_start = 0

    def launch(self, argv, *, output_path, env=None):
        """Starts the process, its output appended to `output_path`; log waits count from here on."""
        if self.alive:
            raise RuntimeError(f"{self.name} is already running")
        self._run_start = self.log.mark()
        self.frozen = False
        with open(output_path, "ab") as output:
            self.process = spawn(argv, stdout=output, stderr=subprocess.STDOUT, env=env)

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def follow_log(self, timeout, what):
        """The log's lines from the start of the present run on, as Log.follow gives them."""
        return self.log.follow(timeout, what, since=self._run_start, owner=self)

    def last_words(self):
        """What it wrote last, to put into an error."""
        return self.log.tail()

    def log_mark(self):
        return self.log.mark()

    def log_text(self):
        """The whole log, earlier runs included."""
        return self.log.text()

    def wait_log(self, regex, timeout=30, *, since=None):
        """Waits for a line of the log that matches. Lines of the present run count, or with `since` (a
        `log_mark`) those after it. Returns the match object."""
        start = self._run_start if since is None else since
        return self.log.wait(regex, timeout, since=start, owner=self)

    def stop(self, timeout=5):
        """SIGTERM; returns the exit status (negative: the signal that ended it). A process that is still
        there after `timeout` seconds is killed and TimeoutError raised."""
        if not self.process:
            return None
        if self.alive:
            self.process.terminate()
            if self.frozen:
                self.thaw()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"{self.name} did not stop within {timeout:g} s of SIGTERM;"
                               f" its log's end:\n{self.log.tail()}") from None

    def kill(self):
        """SIGKILL, and waits for the end."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.frozen = False

    def freeze(self):
        """SIGSTOP: the process keeps its sockets but answers nothing. Returns when it has stopped."""
        self.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: self._stat()[0] in ("T", "t"), 5, f"freezing {self.name}")
        self.frozen = True

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
        self.frozen = False

    def _stat(self):
        """The fields of /proc/PID/stat from the third (state) on; the second may hold spaces, and ends at the
        last parenthesis."""
        text = pathlib.Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii", errors="replace")
        return text.rpartition(")")[2].split()

    def cpu_seconds(self):
        """User and system time of all threads so far (proc(5): utime and stime, fields 14 and 15)."""
        fields = self._stat()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_kib(self):
        """Resident memory now, in KiB."""
        return int(self._status("VmRSS"))

    def peak_rss_kib(self):
        """The most resident memory so far, in KiB."""
        return int(self._status("VmHWM"))

    def context_switches(self):
        """ContextSwitches(voluntary, involuntary), over all threads that live: the first is how often it
        woke."""
        counts = [0, 0]
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                counts[0] += int(self._status("voluntary_ctxt_switches", task))
                counts[1] += int(self._status("nonvoluntary_ctxt_switches", task))
            except FileNotFoundError:
                continue
        return ContextSwitches(*counts)

    def _status(self, field, task=None):
        path = f"/proc/{self.pid}/task/{task}/status" if task else f"/proc/{self.pid}/status"
        text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
        return re.search(rf"^{field}:\s+(\d+)", text, re.MULTILINE).group(1)
