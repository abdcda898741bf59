# SPDX-License-Identifier: BSD-3-Clause
# A daemon that says what a test tells it to (fake-daemon.c), and runs of cepa beside it.

import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
CEPA = pathlib.Path(os.environ.get("CEPA") or ROOT / "build/daemon/ctl/cepa")
FAKE_DAEMON = pathlib.Path(os.environ.get("FAKE_DAEMON") or ROOT / "build/tests/unit/ctl/fake-daemon")
RUN_SECONDS = 40

CLIENT = {
    "Version": "'0.1.0'", "State": "'running'", "Bootstrap": "(uint32 100, 'done', 'Done')", "IsReady": "true",
    "HasDirectory": "true", "ClockSkew": "(int64 -7500, 'CONSENSUS')", "Listeners": "[('socks', '127.0.0.1:9250'), ('control', 'unix:/run/x')]",
    "BytesRead": "uint64 1234567", "BytesWritten": "uint64 1000", "StartTime": "int64 1", "Pid": "uint32 77",
    "DataDirectory": "'/var/x'", "ConfigFile": "''",
}
NETWORK = {"ValidAfter": "int64 5", "FreshUntil": "int64 6", "ValidUntil": "int64 4102444800", "NRelays": "uint32 8000"}


class FakeDaemon:
    """One that is at self.socket until the test ends."""

    def __init__(self, test, folder, *, bus=None, env=None):
        self.socket = folder / "bus"
        argv = [FAKE_DAEMON, self.socket] + ([bus] if bus else [])
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        test.addCleanup(self.end)
        self.answer()
        for interface, values in (("Client1", CLIENT), ("Network1", NETWORK)):
            for name, value in values.items():
                self.tell(f"property {interface}.{name} {value}")

    def answer(self):
        lines = []
        for line in self.process.stdout:
            if line == "ok\n":
                return lines
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"the fake daemon ended with {self.process.wait()}")

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def end(self):
        if self.process.poll() is None:
            self.process.stdin.close()
        if self.process.wait(RUN_SECONDS) != 0:
            raise AssertionError(f"the fake daemon ended with {self.process.returncode}")
        self.process.stdout.close()


class CepaTest(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="cepa-ctl-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.runtime = self.dir / "run"
        (self.runtime / "cepa").mkdir(mode=0o700, parents=True)
        # Nothing of the user who runs the tests is found.
        self.env = {**os.environ, "XDG_RUNTIME_DIR": str(self.runtime), "XDG_STATE_HOME": str(self.dir / "state"),
                    "LC_ALL": "C.UTF-8", "PATH": f"{CEPA.parent}:{os.environ['PATH']}"}
        self.env.pop("DBUS_SESSION_BUS_ADDRESS", None)

    def start_daemon(self, **options):
        return FakeDaemon(self, self.runtime / "cepa", **options)

    def run_cepa(self, *args, **env):
        """Runs it to its end: (status, standard output, standard error)."""
        done = subprocess.run([CEPA, *args], capture_output=True, text=True, timeout=RUN_SECONDS, check=False,
                              env={**self.env, **env})
        return done.returncode, done.stdout, done.stderr

    def check(self, *args, **env):
        """Its output; it must succeed without a word of complaint."""
        status, output, error = self.run_cepa(*args, **env)
        self.assertEqual((status, error), (0, ""))
        return output

    def check_fails(self, status, pattern, *args):
        """It prints nothing but a reason that matches."""
        result = self.run_cepa(*args)
        self.assertEqual(result[:2], (status, ""), result[2])
        self.assertRegex(result[2], r"\Acepa: ")
        self.assertRegex(result[2], pattern)


class Terminal:
    """cepa at a terminal; `text` is what it has written there, on either output."""

    def __init__(self, test, *args, columns=80):
        master, slave = pty.openpty()
        test.addCleanup(os.close, master)
        subprocess.run(["stty", "columns", str(columns)], stdin=slave, check=True)
        self.process = subprocess.Popen([CEPA, *args], stdin=slave, stdout=slave, stderr=slave, env=test.env)
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)
        os.close(slave)
        self.master = master
        self.text = ""

    def read(self, seconds):
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.text += data.decode("utf-8", "replace")
        return bool(data)

    def wait(self, pattern, seconds=RUN_SECONDS):
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            if time.monotonic() > deadline or not self.read(1):
                raise AssertionError(f"/{pattern}/ is not in {self.text!r}")

    def finish(self):
        while self.read(RUN_SECONDS):
            pass
        return self.process.wait(RUN_SECONDS)
