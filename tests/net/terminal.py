# SPDX-License-Identifier: BSD-3-Clause
# A program that draws on a terminal, run on a pseudo-terminal by a test.

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

ROWS, COLUMNS = 40, 140
# As xterm sends them to a program that has asked for the keypad.
RIGHT, END = "\x1bOC", "\x1bOF"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-B0]|\x1b[=>78cM]|[\x0e\x0f]")


class Terminal:
    """Runs `argv` on a terminal of its own; `text` is what it has written since `clear`, without the codes that move
    and colour."""

    def __init__(self, argv, env=None):
        self._raw = b""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            # The child: nothing of Python must go on here.
            try:
                os.execvpe(str(argv[0]), [str(word) for word in argv], {**os.environ, "TERM": "xterm", **(env or {})})
            finally:
                os._exit(127)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.status = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._fd)

    @property
    def text(self):
        return ESCAPE.sub("", self._raw.decode("utf-8", "replace"))

    def clear(self):
        self._raw = b""

    def press(self, keys):
        os.write(self._fd, keys.encode())

    def _read(self, seconds):
        """Reads once. Returns False at the program's end."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:
            data = b""
        self._raw += data
        return data != b""

    def wait_text(self, regex, timeout):
        """Waits until the program has written it, and returns the match."""
        deadline = time.monotonic() + timeout
        while (match := re.search(regex, self.text)) is None:
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                raise AssertionError(f"no {regex!r} on the terminal:\n{self.text[-4000:]}")
        return match

    def wait_end(self, timeout):
        """Waits until the program has ended, and returns its exit code."""
        deadline = time.monotonic() + timeout
        while self._read(max(deadline - time.monotonic(), 0)):
            if time.monotonic() >= deadline:
                raise AssertionError(f"the program has not ended:\n{self.text[-4000:]}")
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status
