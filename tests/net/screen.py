# SPDX-License-Identifier: BSD-3-Clause
# What the demo writes: on a terminal in colour with one line redrawn, elsewhere in plain lines.

import os
import shutil
import sys
import textwrap
import threading
import time

TICK_SECONDS = 0.1
MAX_WIDTH = 100
LABEL_WIDTH = 18
BAR_WIDTH = 24
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

BOLD, DIM, RED, GREEN, PURPLE, RESET = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[35m", "\x1b[0m"
CLEAR_LINE = "\r\x1b[K"


class Screen:
    """Phases (`begin`, then `live` or `bar` any number of times, then `done` or `abandon`) and text between
    them."""

    def __init__(self, plain=False, stream=None):
        self.stream = stream or sys.stdout
        self.terminal = (self.stream.isatty() and not plain and "NO_COLOR" not in os.environ
                         and os.environ.get("TERM", "dumb") != "dumb")
        self.width = min(shutil.get_terminal_size((80, 24)).columns, MAX_WIDTH)
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="screen", daemon=True)
        self._name = None
        self._began = 0.0
        self._live = ""

    def __enter__(self):
        self.stream.reconfigure(errors="replace")
        if self.terminal:
            self._ticker.start()
        return self

    def __exit__(self, kind, error, trace):
        self._ending.set()
        if self.terminal:
            self._ticker.join()
        self._write("\n")

    # Phases

    def begin(self, name):
        with self._lock:
            self._name, self._began, self._live = name, time.monotonic(), ""

    def live(self, text):
        """What the phase is doing now."""
        self._show(text, f"{self._name}: {text}")

    def bar(self, percent, text):
        filled = percent * BAR_WIDTH // 100
        bar = self._paint(PURPLE, "█" * filled) + self._paint(DIM, "░" * (BAR_WIDTH - filled))
        self._show(f"{bar} {percent:3}% {text}", f"{self._name}: {percent:3}% {text}")

    def done(self, text):
        """The phase has succeeded."""
        with self._lock:
            seconds = time.monotonic() - self._began
            clear = CLEAR_LINE if self.terminal else ""
            self._write(f"{clear}  {self._paint(GREEN, '✓')} {self._name:{LABEL_WIDTH}} {text}"
                        f"  {self._paint(DIM, f'{seconds:.2f} s')}\n")
            self._name = None

    def abandon(self):
        """The phase has ended otherwise; what it was doing last stays to be read."""
        with self._lock:
            if self._name and self.terminal:
                mark = self._paint(RED, "✗")
                self._write(f"{CLEAR_LINE}  {mark} {self._name:{LABEL_WIDTH}} {self._live}\n")
            self._name = None

    # Text

    def title(self, title, text):
        self._write(f"\n  {self._paint(BOLD + PURPLE, title)}\n\n")
        self.text(text)
        self._write("\n")

    def heading(self, text):
        self._write(f"\n  {self._paint(BOLD, text)}\n\n")

    def text(self, text):
        for line in textwrap.wrap(text, self.width - 4):
            self._write(f"  {line}\n")

    def row(self, label, value, remark=""):
        remark = "  " + self._paint(DIM, remark) if remark else ""
        self._write(f"    {label:{LABEL_WIDTH}} {value}{remark}".rstrip() + "\n")

    def verbatim(self, text):
        """A line that can be copied: never wrapped."""
        self._write(f"\n    {text}\n\n")

    def framed(self, lines):
        for line in lines:
            self._write(f"  {self._paint(PURPLE, '│')} {line}\n")

    def failure(self, text, hint=""):
        self._write("\n")
        for line in textwrap.wrap(text, self.width - 4):
            self._write(f"  {self._paint(RED, line)}\n")
        if hint:
            self.text(hint)

    def log(self, title, lines):
        self._write(f"\n  {title}\n\n")
        for line in lines:
            self._write(f"    {self._paint(DIM, line)}\n")

    # How

    def _show(self, live, plain):
        with self._lock:
            changed, self._live = live != self._live, live
            if not self.terminal and changed:
                self._write(plain + "\n")

    def _tick(self):
        """Redraws the live line, so that its seconds run also while nothing else happens."""
        turn = 0
        while not self._ending.wait(TICK_SECONDS):
            with self._lock:
                if not self._name:
                    continue
                turn += 1
                seconds = time.monotonic() - self._began
                self._write(f"{CLEAR_LINE}  {self._paint(PURPLE, SPINNER[turn % len(SPINNER)])}"
                            f" {self._name:{LABEL_WIDTH}} {self._fitting(self._live)}"
                            f"  {self._paint(DIM, f'{seconds:.0f} s')}")

    def _fitting(self, text):
        """The text, cut so that the live line stays one line; escapes are not counted, so a bar may end
        early."""
        room = self.width - LABEL_WIDTH - 14
        return text if "\x1b" in text or len(text) <= room else text[:room - 1] + "…"

    def _paint(self, colour, text):
        return f"{colour}{text}{RESET}" if self.terminal else text

    def _write(self, text):
        self.stream.write(text)
        self.stream.flush()
