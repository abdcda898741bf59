# SPDX-License-Identifier: BSD-3-Clause
# What cepa prints and how it ends, beside a daemon that says what the tests want.

import json
import os
import signal
import socket
import subprocess
import unittest

from tests.unit.ctl.fake import CEPA, CLIENT, RUN_SECONDS, CepaTest, Terminal

CIRCUIT = ("{'id': <uint64 7>, 'state': <'open'>, 'purpose': <'general'>, 'path': <[('AAAA1111BBBB', 'guard1'),"
           " ('CCCC2222DDDD', ''), ('EEEE', 'exit3')]>, 'built': <uint32 3>, 'streams': <uint32 2>,"
           " 'created': <int64 %s>, 'channel': <uint64 1>}")
GUARD = ("{'fingerprint': <'AAAA1111BBBB'>, 'nickname': <'guard1'>, 'state': <'up'>, 'primary': <0>, 'confirmed': <0>, "
         "'sampled-on': <int64 1779235200>, 'confirmed-on': <int64 1779321600>, 'is-current': <true>, "
         "'selection': <'default'>}")
OLD_GUARD = ("{'fingerprint': <'CCCC2222DDDD'>, 'nickname': <''>, 'state': <'never-connected'>, 'primary': <-1>, "
             "'confirmed': <-1>, 'sampled-on': <int64 1779235200>, 'confirmed-on': <int64 0>, 'is-current': <false>, "
             "'selection': <'restricted'>}")
STREAM = ("{'id': <uint64 9>, 'state': <'open'>, 'circuit': <uint64 7>, 'target': <'example.com:443'>,"
          " 'source': <'127.0.0.1:5555'>, 'created': <int64 1>, 'bytes-read': <uint64 2048>,"
          " 'bytes-written': <uint64 12>}")
PLUGIN = ("{'id': <'path.uniform'>, 'name': <'Even'>, 'state': <'running'>, 'reason': <''>, 'profile': <'optional'>,"
          " 'is-used': <true>, 'is-default': <false>, 'violations': <{'family': uint32 3}>}")


class WrongUsageTest(CepaTest):
    def test_wrong_usage_ends_with_2(self):
        for pattern, *args in (
                (r'no command "dance"', "dance"), ("Unknown option --dance", "--dance"),
                ("Unknown option --watch", "circuits", "--watch"), ("one word too many", "status", "now"),
                ("cannot be done to a plugin", "plugins", "kick", "x"), ("takes the id", "plugins", "start"),
                ("takes the id", "plugins", "use", "a", "b"), ("session or system", "--bus", "tube", "status"),
                ("exclude each other", "--bus", "session", "--socket", "x", "status"), ("no help", "help", "dance")):
            with self.subTest(args):
                self.check_fails(2, pattern, *args)

    def test_nothing_asked_shows_help_and_ends_with_2(self):
        status, output, _ = self.run_cepa()
        self.assertEqual(status, 2)
        self.assertIn("newnym", output)

    def test_help_and_version(self):
        self.assertRegex(self.check("--version"), r"\Acepa \d+\.\d+\.\d+\n\Z")
        for command in ("status", "circuits", "streams", "guards", "plugins", "newnym", "dormant", "wake"):
            with self.subTest(command):
                self.assertIn(command, self.check("--help"))
                self.assertEqual(self.check("help", command), self.check(command, "--help"))
                self.assertLessEqual(max(map(len, self.check("help", command).splitlines())), 80)


class NoDaemonTest(CepaTest):
    def test_says_where_it_looked_and_what_to_do(self):
        self.check_fails(1, r'Start one with "cepad"', "status")
        self.check_fails(1, rf"{self.runtime}/cepa/bus: is not there", "circuits", "--json")
        self.check_fails(1, r"the session bus: there is no session bus", "newnym")
        self.check_fails(1, r"/nowhere: .*No such file", "--socket", "/nowhere", "status")

    def test_socket_without_a_listener(self):
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(str(self.runtime / "cepa/bus"))
        dead.close()
        self.check_fails(1, "cepa/bus: .*Connection refused", "status")

    def test_socket_that_says_nothing(self):
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(str(self.runtime / "cepa/bus"))
            silent.listen()
            self.check_fails(1, "cepa/bus: has not answered for 5 s", "status")

    def test_the_data_directory_is_looked_into(self):
        daemon = self.start_daemon()
        (self.dir / "state/cepa").mkdir(parents=True)
        os.rename(daemon.socket, self.dir / "state/cepa/bus")
        self.assertIn("running", self.check("status"))


    def test_output_that_cannot_be_written(self):
        self.start_daemon()
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([CEPA, "status"], stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                                  timeout=RUN_SECONDS, env=self.env)
        self.assertEqual((done.returncode, done.stderr), (1, "cepa: the output could not be written\n"))


class OutputTest(CepaTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()

    def test_status(self):
        output = self.check("status")
        self.assertRegex(output, r"\ACepa +0\.1\.0, running, process 77, started \d+ days ago\n")
        self.assertIn("[####################] 100 %  Done\n", output)
        self.assertRegex(output, r"Clock +2 h.* behind: check date, time and time zone\n")
        self.assertIn("Directory   8000 relays, valid for", output)
        self.assertIn("Traffic     1.2 MiB read, 1000 B written\n", output)
        self.assertIn("Listening   socks 127.0.0.1:9250\n            control unix:/run/x\n", output)
        self.assertNotIn("Config", output)
        self.assertNotIn("\033", output)

    def test_status_json(self):
        status = json.loads(self.check("status", "--json"))
        self.assertEqual(set(status), set(CLIENT) | {"Network"})
        self.assertEqual(status["Bootstrap"], [100, "done", "Done"])
        self.assertEqual(status["Listeners"][1], ["control", "unix:/run/x"])
        self.assertEqual(status["BytesRead"], 1234567)
        self.assertIs(status["IsReady"], True)
        self.assertEqual(status["Network"]["NRelays"], 8000)
        self.assertEqual(json.loads(self.check("--json", "status")), status)

    def test_circuits(self):
        self.daemon.tell(f"result Circuits1.List ([{CIRCUIT % 1}],)")
        head, row = self.check("circuits").splitlines()
        self.assertRegex(head, r"^ID +STATE +PURPOSE +CREATED +STREAMS +PATH$")
        self.assertRegex(row, r"^ 7  open   general  \d+ days ago +2  guard1 > \$CCCC2222 > exit3$")
        self.assertEqual(head.index("PATH"), row.index("guard1"))
        self.assertEqual(json.loads(self.check("circuits", "--json")), [{
            "id": 7, "state": "open", "purpose": "general", "built": 3, "streams": 2, "created": 1, "channel": 1,
            "path": [["AAAA1111BBBB", "guard1"], ["CCCC2222DDDD", ""], ["EEEE", "exit3"]]}])

    def test_streams(self):
        self.daemon.tell(f"result Streams1.List ([{STREAM}],)")
        row = self.check("streams").splitlines()[1]
        self.assertRegex(row, r"^ 9  open +7  \d+ days ago  2\.0 KiB +12 B  127\.0\.0\.1:5555  example\.com:443$")
        self.assertEqual(json.loads(self.check("streams", "--json"))[0]["bytes-read"], 2048)

    def test_guards(self):
        self.daemon.tell(f"result Guards1.List ([{GUARD}, {OLD_GUARD}],)")
        head, first, second = self.check("guards").splitlines()
        self.assertRegex(head, r"^RELAY +STATE +PRIMARY +SAMPLED +CONFIRMED +SET$")
        self.assertRegex(first, r"^guard1 +up +1  2026-05-20  2026-05-21  in use$")
        self.assertRegex(second, r"^\$CCCC2222 +never-connected +-  2026-05-20  - +restricted$")
        self.assertEqual(json.loads(self.check("guards", "--json"))[0]["fingerprint"], "AAAA1111BBBB")

    def test_guards_drop(self):
        self.daemon.tell("result Guards1.Drop ()")
        self.assertEqual(self.check("guards", "drop"), "The guards are forgotten, and others have been chosen.\n")
        self.assertEqual(json.loads(self.check("guards", "drop", "--json")), {"Dropped": True})
        self.check_fails(2, "one word too many", "guards", "drop", "all")
        self.check_fails(2, "one word too many", "guards", "forget")

    def test_empty_lists(self):
        for method, command in (("Circuits1", "circuits"), ("Streams1", "streams"), ("Guards1", "guards"),
                                ("Plugins1", "plugins")):
            self.daemon.tell(f"result {method}.List (@aa{{sv}} [],)")
            self.assertRegex(self.check(command), f"^There are no {command}( yet)?\\.\n$")
            self.assertEqual(json.loads(self.check(command, "--json")), [])

    def test_plugins(self):
        self.daemon.tell(f"result Plugins1.List ([{PLUGIN}],)")
        self.assertRegex(self.check("plugins").splitlines()[1], r"^path\.uniform  running  optional  used  broke family 3 times$")
        failed = PLUGIN.replace("<''>", "<'it is torn'>").replace("3}", "1, 'flags': 2}")
        self.daemon.tell(f"result Plugins1.List ([{failed}],)")
        self.assertRegex(self.check("plugins").splitlines()[1], r"used  it is torn; broke family once; broke flags 2 times$")
        # Whose keyfile cannot be read has no id.
        self.daemon.tell("result Plugins1.List ([{'id': <''>, 'keyfile': <'/x/y.plugin'>, 'state': <'refused'>}],)")
        self.assertRegex(self.check("plugins").splitlines()[1], r"^/x/y\.plugin  refused")
        self.daemon.tell(f"result Plugins1.List ([{PLUGIN}],)")
        for action, method in (("start", "Start"), ("stop", "Stop"), ("use", "Use")):
            self.daemon.tell(f"result Plugins1.{method} ()")
            self.assertEqual(self.check("plugins", action, "path.uniform"), "path.uniform: running, used\n")
            self.assertIn(f"Plugins1.{method} ('path.uniform',)", self.daemon.tell("calls"))
        shown = json.loads(self.check("plugins", "--json", "use", "path.uniform"))
        self.assertEqual((shown["id"], shown["violations"]), ("path.uniform", {"family": 3}))

    def test_dormant(self):
        self.daemon.tell("result Client1.SetDormant ()")
        self.assertIn("Dormant: nothing is asked", self.check("dormant"))
        self.assertEqual(json.loads(self.check("wake", "--json")), {"Dormant": False})
        self.assertEqual(self.daemon.tell("calls"), ["Client1.SetDormant (true,)", "Client1.SetDormant (false,)"])

    def test_newnym(self):
        self.daemon.tell("result Client1.NewIdentity ()")
        self.assertEqual(self.check("newnym"), "New streams share no circuit with those before.\n")
        self.assertEqual(json.loads(self.check("newnym", "--json")), {"NewIdentityTaken": True})
        self.assertEqual(self.daemon.tell("calls"), ["Client1.NewIdentity ()"] * 2)

    def test_what_the_daemon_refuses(self):
        self.daemon.tell("error Plugins1.Use 2 path.nose is no path policy\033[2J")
        self.check_fails(1, r"\Acepa: path\.nose is no path policy\\u\{1b\}\[2J\n\Z", "plugins", "use", "path.nose")
        self.check_fails(1, "there is no method Circuits1.List", "circuits")

    def test_no_answer(self):
        self.daemon.tell("defer Plugins1.Start")
        terminal = Terminal(self, "plugins", "start", "path.slow")
        terminal.wait("Starting path.slow: 2 s")
        self.assertEqual(terminal.finish(), 1)
        self.assertRegex(terminal.text, "cepa: the daemon has not answered Plugins1.Start for 20 s")


class StrangeValuesTest(CepaTest):
    BAD = "a\\u001b[31mb\\u202ec\\u009bd\\ne\\u00e4"

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()

    def test_text_from_the_network_is_escaped(self):
        stream = STREAM.replace("example.com:443", self.BAD)
        self.daemon.tell(f"result Streams1.List ([{stream}],)")
        output = self.check("streams")
        self.assertTrue(output.endswith(r"a\u{1b}[31mb\u{202e}c\u{9b}d\u{a}e" + "ä\n"), output)
        # Where there is no UTF-8 nothing of it is written.
        output = self.check("streams", LC_ALL="C")
        self.assertTrue(output.endswith("d\\u{a}e\\u{e4}\n"), output)
        output = self.check("streams", "--json")
        self.assertTrue(output.isascii() and "\033" not in output)
        self.assertEqual(json.loads(output)[0]["target"], "a\033[31mb\u202ec\u009bd\neä")

    def test_every_text_is_escaped(self):
        bad = self.BAD
        for name in ("Version", "State", "DataDirectory", "ConfigFile"):
            self.daemon.tell(f"property Client1.{name} '{bad}'")
        self.daemon.tell(f"property Client1.Bootstrap (uint32 5, '{bad}', '{bad}')")
        self.daemon.tell(f"property Client1.Listeners [('{bad}', '{bad}')]")
        self.daemon.tell(f"result Circuits1.List ([{{'state': <'{bad}'>, 'path': <[('{bad}', '{bad}')]>}}],)")
        self.daemon.tell(f"result Plugins1.List ([{{'id': <'{bad}'>, 'reason': <'{bad}'>,"
                         f" 'violations': <{{'{bad}': uint32 1}}>}}],)")
        self.daemon.tell(f"result Guards1.List ([{{'nickname': <'{bad}'>, 'state': <'{bad}'>}}],)")
        for command in ("status", "circuits", "guards", "plugins"):
            for option in ([], ["--json"]):
                with self.subTest([command, *option]):
                    output = self.check(command, *option)
                    self.assertNotRegex(output, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
                    self.assertIn("31mb", output)

    def test_missing_keys_and_other_types(self):
        self.daemon.tell("result Circuits1.List ([{}, {'id': <'x'>, 'path': <uint32 1>, 'created': <int64 -5>}],)")
        self.assertEqual([line.split() for line in self.check("circuits").splitlines()[1:]],
                         [["-", "-", "-"], ["-", "-", "-"]])
        self.daemon.tell("result Circuits1.List ([{'id': <uint64 18446744073709551615>, 'created':"
                         " <int64 9223372036854775807>, 'new': <{'deep': <@ay [1, 255]>}>}],)")
        self.assertRegex(self.check("circuits").splitlines()[1], "^18446744073709551615 +just now")
        shown = json.loads(self.check("circuits", "--json"))[0]
        self.assertEqual((shown["id"], shown["new"]), (float(2 ** 64), {"deep": "01FF"}))
        self.daemon.tell("property Client1.StartTime int64 9223372036854775807")
        self.daemon.tell("property Client1.BytesRead uint64 18446744073709551615")
        self.daemon.tell("property Network1.ValidUntil int64 0")
        self.daemon.tell("property Client1.Bootstrap (uint32 4000000000, '', '')")
        self.assertRegex(self.check("status"), r"(?s)just now.*\[#{20}\] 4000000000 %.*none.*16\.0 EiB read")

    def test_a_long_line_is_cut_at_a_terminal_alone(self):
        stream = STREAM.replace("example.com", "x" * 300)
        self.daemon.tell(f"result Streams1.List ([{stream}],)")
        self.assertIn("x" * 300 + ":443\n", self.check("streams"))
        terminal = Terminal(self, "streams", columns=90)
        self.assertEqual(terminal.finish(), 0)
        lines = terminal.text.replace("\r", "").splitlines()
        self.assertEqual(len(lines[1]), 90)
        self.assertTrue(lines[1].endswith("xxx..."))


class WatchTest(CepaTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()
        self.daemon.tell("property Client1.Bootstrap (uint32 5, 'conn', 'Connecting to a relay')")

    def start(self, *args):
        process = subprocess.Popen([CEPA, "status", "--watch", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env=self.env)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def bootstrap(self, percent, tag, summary):
        self.daemon.tell(f"property Client1.Bootstrap (uint32 {percent}, '{tag}', '{summary}')")
        self.daemon.tell("wait Client1 Bootstrapped")
        self.daemon.tell(f"emit Client1 Bootstrapped (uint32 {percent}, '{tag}', '{summary}')")

    def test_lines(self):
        process = self.start()
        self.assertEqual(process.stdout.readline(), "Bootstrapped 5% (conn): Connecting to a relay\n")
        self.bootstrap(50, "loading_descriptors", "Loading\\u001b relays")
        self.bootstrap(100, "done", "Done")
        self.daemon.tell("emit Client1 NewIdentityTaken ()")
        self.daemon.tell("emit Network1 Changed (uint32 70, int64 9)")
        self.assertEqual(process.stdout.readline(), "Bootstrapped 50% (loading_descriptors): Loading\\u{1b} relays\n")
        self.assertEqual(process.stdout.readline(), "Bootstrapped 100% (done): Done\n")
        self.assertEqual(process.stdout.readline(), "New identity\n")
        self.assertEqual(process.stdout.readline(), "Directory of 70 relays\n")
        self.daemon.end()
        self.assertEqual(process.wait(RUN_SECONDS), 1)
        self.assertEqual(process.stderr.read(), "cepa: the daemon has ended the connection\n")

    def test_json_lines(self):
        process = self.start("--json")
        self.assertEqual(json.loads(process.stdout.readline())["Bootstrap"][0], 5)
        self.bootstrap(100, "done", "Done")
        seen = 5
        while seen != 100:
            seen = json.loads(process.stdout.readline())["Bootstrap"][0]
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(RUN_SECONDS), -signal.SIGINT)

    def test_terminal(self):
        terminal = Terminal(self, "status", "--watch", columns=40)
        terminal.wait(r"\r\033\[K\[#-{19}\]   5 %  Connecti")
        self.bootstrap(100, "done", "Done")
        terminal.wait(r"\r\033\[K\[#{20}\] 100 %  1\.2 MiB")
        self.assertLess(max(map(len, terminal.text.split("\r\033[K"))), 40)
        self.daemon.end()
        self.assertEqual(terminal.finish(), 1)
        self.assertIn("the daemon has ended the connection", terminal.text)


class SessionBusTest(CepaTest):
    def setUp(self):
        super().setUp()
        bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--print-address=1",
                                f"--address=unix:dir={self.dir}"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(bus.stdout.close)
        self.addCleanup(bus.wait)
        self.addCleanup(bus.kill)
        self.env["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()

    def test_found_on_the_bus(self):
        daemon = self.start_daemon(bus="session", env=self.env)
        os.unlink(daemon.socket)
        self.assertIn("running", self.check("status"))
        self.assertIn("running", self.check("--bus", "session", "status"))
        self.check_fails(1, "the system bus: ", "--bus", "system", "status")

    def test_nobody_on_the_bus(self):
        self.check_fails(1, "the session bus: nobody there is org.cepa.Cepa1", "status")

    def test_watch_ends_with_the_daemon(self):
        daemon = self.start_daemon(bus="session", env=self.env)
        process = subprocess.Popen([CEPA, "--bus", "session", "status", "--watch"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=self.env)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertRegex(process.stdout.readline(), "Bootstrapped 100%")
        daemon.end()
        output, error = process.communicate(timeout=RUN_SECONDS)
        self.assertEqual((process.returncode, output), (1, ""))
        self.assertIn("ended the connection", error)


if __name__ == "__main__":
    unittest.main()
