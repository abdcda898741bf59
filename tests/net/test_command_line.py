# SPDX-License-Identifier: BSD-3-Clause
# The daemon as a program: its command line, its torrc, what it says when it cannot start, what it leaves behind.
# No network is needed: the one that these daemons know has nobody in it.

import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import unittest

from tests.net import Cepad, Child, wait_until
from tests.net.clients import SOCKS_OPEN
from tests.net.process import spawn
from tests.net.web import free_port

RUN_SECONDS = 20

# A network of one authority that does not answer: nothing of these tests reaches the world.
NOBODY = ("TestingTorNetwork 1\nDirAuthority nobody orport=1 v3ident=" + "A" * 40 + " 127.0.0.1:1 " + "B" * 40 + "\n")


class CommandLineTest(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="cepa-command-line-")))
        self.binary = Cepad.default_binary()
        self.torrc = self.write("torrc", NOBODY + f"DataDirectory {self.dir / 'data'}\nSocksPort 127.0.0.1:auto\n")
        # Nothing of the user who runs the tests is read or written.
        self.env = {**os.environ, "HOME": str(self.dir / "home"), "XDG_STATE_HOME": str(self.dir / "home/state"),
                    "XDG_RUNTIME_DIR": str(self.dir)}
        self.env.pop("DBUS_SESSION_BUS_ADDRESS", None)
        (self.dir / "home").mkdir()

    def write(self, name, text):
        path = self.dir / name
        path.write_text(text, encoding="utf-8")
        return path

    def run_cepad(self, *args, text=None):
        """Runs it to its end: (status, standard output, standard error)."""
        process = spawn([self.binary, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE, text=True, env=self.env)
        try:
            output, error = process.communicate(text, RUN_SECONDS)
        finally:
            process.kill()
        return process.returncode, output, error

    def start(self, *args, name="cepad"):
        """Starts it; its log is what it writes to the console."""
        daemon = Child(name, self.dir / f"{name}.out")
        daemon.launch([self.binary, *args], output_path=daemon.log_path, env=self.env)
        self.addCleanup(daemon.kill)
        return daemon

    def start_and_wait(self, *args, name="cepad"):
        daemon = self.start("-f", self.torrc, *args, name=name)
        daemon.wait_log(r"Bootstrapped 0% \(starting\): Starting", RUN_SECONDS)
        return daemon

    def check_refused(self, pattern, *args, text=None):
        """It ends with status 1 and exactly one line, on standard error, that matches."""
        status, output, error = self.run_cepad(*args, text=text)
        self.assertEqual((status, output), (1, ""), error)
        self.assertRegex(error, r"\Acepad: [^\n]+\n\Z")
        self.assertRegex(error, pattern)

    def check_fails(self, pattern, *args):
        """It begins, and ends with status 1 and the reason in its log; nothing is on standard error."""
        status, output, error = self.run_cepad("-f", self.torrc, *args)
        self.assertEqual((status, error), (1, ""), output)
        self.assertRegex(output, rf"(?m)^.* \[err\] .*{pattern}")
        self.assertNotIn("Bootstrapped", output)


class AnswerTest(CommandLineTest):
    def test_version(self):
        self.assertEqual(self.run_cepad("--version")[0], 0)
        self.assertRegex(self.run_cepad("--version")[1], r"\ACepa \d+\.\d+\.\d+\.\n+\Z")
        self.assertEqual(self.run_cepad("--version")[2], "")

    def test_help_and_options(self):
        status, output, error = self.run_cepad("--help")
        self.assertEqual((status, error), (0, ""))
        self.assertIn("--verify-config", output)
        status, output, error = self.run_cepad("--list-torrc-options")
        self.assertEqual((status, error), (0, ""))
        self.assertLessEqual({"SocksPort", "DirAuthority", "SafeLogging", "PathPolicy"}, set(output.split()))

    def test_verify_config(self):
        self.assertEqual(self.run_cepad("-f", self.torrc, "--verify-config"), (0, "Configuration was valid\n", ""))
        self.assertFalse((self.dir / "data").exists())
        self.check_refused("Nonsense", "-f", self.torrc, "--verify-config", "Nonsense", "1")

    def test_torrc_from_standard_input(self):
        text = self.torrc.read_text()
        self.assertEqual(self.run_cepad("-f", "-", "--verify-config", text=text)[0], 0)
        self.check_refused(r"standard input.*line 1\b.*Nonsense|standard input:1.*Nonsense", "-f", "-",
                           "--verify-config", text="Nonsense 1\n")


class RefusalTest(CommandLineTest):
    def test_unknown_option(self):
        path = self.write("bad", NOBODY + "SocksPrt 9250\n")
        self.check_refused(rf"{re.escape(str(path))}.*\b3\b.*SocksPrt.*SocksPort", "-f", path)
        self.check_refused("NoSuchOption", "-f", self.torrc, "NoSuchOption", "1")

    def test_bad_values(self):
        for line in ("SocksPort 70000", "SocksPort nowhere:1", "SafeLogging maybe", "TestingTorNetwork 2",
                     "DirAuthority nobody 127.0.0.1:1", "FallbackDir 127.0.0.1:1 orport=1", "Log loud stdout",
                     "Log notice file", "EnforceDistinctSubnets", "DataDirectory"):
            with self.subTest(line):
                path = self.write("bad", NOBODY + line + "\n")
                self.check_refused(rf"{re.escape(str(path))}.*\b3\b.*{line.split()[0]}", "-f", path)

    def test_bytes_that_are_not_text(self):
        path = self.dir / "bad"
        path.write_bytes(NOBODY.encode() + b"Nickname \xff\xfe\x00\x1b[31m\n")
        status, output, error = self.run_cepad("-f", path)
        self.assertEqual((status, output), (1, ""))
        self.assertRegex(error, r"\A[ -~]+\n\Z")

    def test_missing_torrc(self):
        missing = self.dir / "missing"
        self.check_refused(rf"{re.escape(str(missing))}.*No such file", "-f", missing)
        self.check_refused("Is a directory", "-f", self.dir)
        status, output, _ = self.run_cepad("-f", missing, "--ignore-missing-torrc", "--verify-config")
        self.assertEqual((status, output), (0, "Configuration was valid\n"))

    def test_options_of_relays_and_of_later(self):
        self.check_refused("ORPort.*relay", "-f", self.torrc, "ORPort", "9001")
        self.check_refused("HiddenServiceDir.*not supported", "-f", self.torrc, "HiddenServiceDir", str(self.dir))

    def test_value_is_missing(self):
        self.check_refused("SocksPort", "-f", self.torrc, "SocksPort")
        self.check_refused("-f", "-f")

    def test_private_network_without_authorities(self):
        self.check_refused("DirAuthority", "-f", self.write("bad", "TestingTorNetwork 1\n"))

    def test_log_file_that_cannot_be_opened(self):
        self.check_refused("no/such/folder", "-f", self.torrc, "Log", f"notice file {self.dir}/no/such/folder/log")


class ConsoleTest(CommandLineTest):
    def output(self, *args):
        """What is on the console of a run that has something to warn of, opens a port, and is asked to stop."""
        daemon = self.start("-f", self.torrc, "HidServAuth", "9", *args)

        def is_up():
            caught = re.search(r"^SigCgt:\s*(\w+)$", pathlib.Path(f"/proc/{daemon.pid}/status").read_text(), re.MULTILINE)
            return int(caught.group(1), 16) >> (signal.SIGTERM - 1) & 1
        wait_until(is_up, RUN_SECONDS, "the daemon minding signals, the last thing before it begins")
        self.assertEqual(daemon.stop(), 0)
        text = daemon.log_text()
        daemon.log_path.unlink()
        return text

    def test_notices_by_default(self):
        text = self.output()
        self.assertRegex(text, r"\[notice\] Cepa \d")
        self.assertRegex(text, r"\[warn\] .*HidServAuth")
        self.assertRegex(text, SOCKS_OPEN)
        self.assertNotIn("[info]", text)
        self.assertRegex(text.splitlines()[-1], "exiting cleanly")

    def test_hush(self):
        text = self.output("--hush")
        self.assertRegex(text, r"\[warn\] .*HidServAuth")
        self.assertNotIn("[notice]", text)

    def test_quiet(self):
        self.assertEqual(self.output("--quiet"), "")

    def test_log_lines_win(self):
        self.assertRegex(self.output("--quiet", "Log", "notice stdout"), SOCKS_OPEN)
        self.assertEqual(self.output("Log", f"notice file {self.dir / 'log'}"), "")
        self.assertRegex((self.dir / "log").read_text(), SOCKS_OPEN)

    def test_hangup_opens_the_log_again(self):
        log = self.dir / "log"
        daemon = self.start("-f", self.torrc, "Log", f"notice file {log}")
        wait_until(lambda: log.exists() and "Bootstrapped 0%" in log.read_text(), RUN_SECONDS, "the log")
        self.assertEqual(stat.S_IMODE(log.stat().st_mode), 0o600)
        log.rename(self.dir / "old")
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: log.exists() and "SIGHUP" in log.read_text(), 5, "a new log")
        self.assertEqual(daemon.stop(), 0)
        self.assertIn("exiting cleanly", log.read_text())
        self.assertNotIn("exiting cleanly", (self.dir / "old").read_text())


class LayerTest(CommandLineTest):
    def listeners(self, daemon):
        return re.findall(r"Opened Socks listener connection \(ready\) on (\S+)", daemon.log_text())

    def test_defaults_torrc(self):
        defaults = self.write("defaults", f"SocksPort 127.0.0.1:9\nPidFile {self.dir / 'pid'}\n")
        daemon = self.start_and_wait("--defaults-torrc", defaults)
        # The torrc's port takes the place of the defaults'; what it does not name is the defaults'.
        self.assertEqual(len(self.listeners(daemon)), 1)
        self.assertNotEqual(self.listeners(daemon), ["127.0.0.1:9"])
        self.assertEqual((self.dir / "pid").read_text(), f"{daemon.pid}\n")
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse((self.dir / "pid").exists())

    def test_defaults_torrc_may_be_missing_but_not_bad(self):
        self.assertEqual(self.run_cepad("-f", self.torrc, "--defaults-torrc", self.dir / "missing",
                                        "--verify-config")[0], 0)
        bad = self.write("defaults", "Nonsense 1\n")
        self.check_refused(rf"{re.escape(str(bad))}.*Nonsense", "-f", self.torrc, "--defaults-torrc", bad)

    def test_command_line_wins(self):
        port = free_port("127.0.0.1")
        daemon = self.start_and_wait("SocksPort", f"127.0.0.1:{port}")
        self.assertEqual(self.listeners(daemon), [f"127.0.0.1:{port}"])

    def test_plus_adds(self):
        port = free_port("127.0.0.1")
        daemon = self.start_and_wait("+SocksPort", f"127.0.0.1:{port}")
        self.assertEqual(len(self.listeners(daemon)), 2)
        self.assertIn(f"127.0.0.1:{port}", self.listeners(daemon))

    def test_slash_takes_away(self):
        """The torrc's port is gone, and the default is in its place. Whether that one is free here is not
        known; either way it is named."""
        daemon = self.start("-f", self.torrc, "/SocksPort")
        daemon.wait_log(r"(Opened Socks listener.*|cannot listen) on 127\.0\.0\.1:9250\b", RUN_SECONDS)
        self.assertLessEqual(set(self.listeners(daemon)), {"127.0.0.1:9250"})

    def test_no_port_at_all(self):
        daemon = self.start_and_wait("SocksPort", "0")
        self.assertEqual(self.listeners(daemon), [])


class StartTest(CommandLineTest):
    def test_data_directory(self):
        daemon = self.start_and_wait()
        folder = self.dir / "data"
        self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)
        self.assertEqual(daemon.stop(), 0)
        folder.chmod(0o755)
        self.start_and_wait(name="again")
        self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)

    def test_default_data_directory_of_a_new_user(self):
        """Whose home has no ~/.local/state yet."""
        self.torrc.write_text(NOBODY + "SocksPort 127.0.0.1:auto\n")
        self.start_and_wait()
        self.assertTrue((self.dir / "home/state/cepa/lock").exists())

    def test_data_directory_that_cannot_be(self):
        path = self.write("file", "")
        self.check_fails(re.escape(str(path)), "DataDirectory", path)
        self.check_fails("proc", "DataDirectory", "/proc/cepa")

    def test_two_daemons_on_one_data_directory(self):
        first = self.start_and_wait()
        self.check_fails(rf"another process.*{re.escape(str(self.dir / 'data'))}.*already running")
        # The first is not disturbed, and its end lets another begin.
        self.assertEqual(first.stop(), 0)
        self.start_and_wait(name="next")

    def test_a_killed_daemon_does_not_hold_its_lock(self):
        self.start_and_wait().kill()
        self.start_and_wait(name="next")

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.check_fails(rf"127\.0\.0\.1:{port}\b.*SocksPort.*(in use|Address already)", "SocksPort",
                             f"127.0.0.1:{port}")
            # Nor is one port kept open where another fails.
            self.check_fails(rf"127\.0\.0\.1:{port}\b", "+SocksPort", f"127.0.0.1:{port}")

    def test_address_of_somebody_else(self):
        self.check_fails(r"192\.0\.2\.1:5000\b.*SocksPort", "SocksPort", "192.0.2.1:5000")

    def test_pid_file_that_cannot_be_written(self):
        self.check_fails("no/such/pid", "PidFile", self.dir / "no/such/pid")

    def test_no_plugin_there(self):
        empty = self.dir / "empty"
        empty.mkdir()
        # Out of its build tree it looks where it would be installed, where nothing is.
        self.binary = shutil.copy(self.binary, self.dir / "cepad-alone")
        self.check_fails(rf"path\.weighted.*{re.escape(str(empty))}.*none at all", "PluginDirectory", empty)
        self.check_fails(r"missing.*No such file", "PluginDirectory", self.dir / "missing")

    def test_unknown_policy(self):
        self.check_fails(r"path\.nonsense.*there are: .*path\.weighted", "PathPolicy", "nonsense")

    def test_plugin_that_others_can_write(self):
        """Whoever can write a plugin is the daemon."""
        found = list(self.binary.parents[1].rglob("weighted.so"))
        self.assertEqual(len(found), 1)
        folder = self.dir / "plugins"
        folder.mkdir()
        for path in found[0].parent.glob("weighted.*"):
            if path.is_file():
                shutil.copy(path, folder)
        (folder / "weighted.so").chmod(0o755)
        daemon = self.start_and_wait("PluginDirectory", folder)
        self.assertEqual(daemon.stop(), 0)
        (folder / "weighted.so").chmod(0o777)
        self.check_fails(r"weighted\.so can be written by everyone", "PluginDirectory", folder)
        (folder / "weighted.so").chmod(0o755)
        (folder / "weighted.so").write_bytes(b"not a program")
        self.check_fails(r"weighted\.so", "PluginDirectory", folder)

    def test_signals_end_it(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                daemon = self.start_and_wait(name=number.name)
                daemon.process.send_signal(number)
                self.assertEqual(daemon.process.wait(2), 0)
                self.assertIn("exiting cleanly", daemon.log_text())


if __name__ == "__main__":
    unittest.main()
