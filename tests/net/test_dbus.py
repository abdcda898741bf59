# SPDX-License-Identifier: BSD-3-Clause
# The daemon over D-Bus, on a private network: by the command line cepa, and by gdbus, which knows nothing of Cepa.

import contextlib
import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import unittest

from tests.net import Cepad, Network, curl_start, wait_until
from tests.net.clients import REPOSITORY
from tests.net.process import find_program, spawn
from tests.net.web import PAGE

RUN_SECONDS = 30
CEPA = pathlib.Path(os.environ.get("CEPA") or REPOSITORY / "build/daemon/ctl/cepa")
OBJECT = "/org/cepa/Cepa1"

MODULE = contextlib.ExitStack()
net = None
cepad = None


def setUpModule():
    global net, cepad
    net = MODULE.enter_context(Network())
    cepad = MODULE.enter_context(Cepad(net))
    cepad.wait_bootstrapped()


def tearDownModule():
    MODULE.close()


def environment_of(daemon, **more):
    """In which cepa finds @daemon and no other."""
    env = {**os.environ, "XDG_RUNTIME_DIR": str(daemon.runtime_dir), "XDG_STATE_HOME": "/nonexistent", **more}
    if "DBUS_SESSION_BUS_ADDRESS" not in more:
        env.pop("DBUS_SESSION_BUS_ADDRESS", None)
    return env


def run(argv, env):
    process = spawn(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    try:
        output, error = process.communicate(timeout=RUN_SECONDS)
    finally:
        process.kill()
    return process.returncode, output, error


def ask(*args, daemon=None):
    """What cepa prints with --json."""
    status, output, error = run([CEPA, *args, "--json"], environment_of(daemon or cepad))
    if status != 0:
        raise AssertionError(f"cepa {args}: {status}, {error}")
    return json.loads(output)


def say(*args, daemon=None):
    """(status, output, error) of cepa."""
    return run([CEPA, *args], environment_of(daemon or cepad))


def page_url():
    return net.web_url("/")


def used_policy(daemon):
    return {plugin["id"] for plugin in ask("plugins", daemon=daemon)
            if plugin["id"].startswith("path.") and plugin["is-used"]}


def slow_download(test, after=0):
    """Starts a download that goes on until the test ends; returns its stream when it is open: the first one with a
    number above @after."""
    download = curl_start(cepad.socks_port, net.big_url, extra=("--limit-rate", "20k"), timeout=RUN_SECONDS * 2)
    test.addCleanup(download.finish)
    test.addCleanup(download.process.kill)

    def find():
        return [stream for stream in ask("streams") if stream["state"] == "open" and stream["id"] > after
                and stream["target"].endswith(f":{net.web_port}") and stream["bytes-read"] > 0]
    return wait_until(find, RUN_SECONDS, "an open stream")[-1]


class CommandTest(unittest.TestCase):
    def test_status(self):
        status = ask("status")
        self.assertEqual(status["Bootstrap"], [100, "done", "Done"])
        self.assertIs(status["IsReady"], True)
        self.assertEqual(status["Pid"], cepad.pid)
        self.assertEqual(status["State"], "running")
        self.assertEqual(status["DataDirectory"], str(cepad.data_dir))
        self.assertEqual(status["ConfigFile"], str(cepad.torrc_path))
        self.assertIn(["socks", f"127.0.0.1:{cepad.socks_port}"], status["Listeners"])
        self.assertIn(["control", f"unix:{cepad.runtime_dir}/cepa/bus"], status["Listeners"])
        self.assertEqual(status["Network"]["NRelays"], len(net.nodes))
        self.assertEqual(cepad.curl(page_url()).body, PAGE.encode())
        self.assertGreater(ask("status")["BytesRead"], status["BytesRead"])

        code, text, error = say("status")
        self.assertEqual((code, error), (0, ""))
        self.assertRegex(text, r"Bootstrap +\[#+\] 100 %  Done\nReady +yes\n")

    def test_circuits_and_streams_of_a_download(self):
        stream = slow_download(self)
        circuits = {circuit["id"]: circuit for circuit in ask("circuits")}
        circuit = circuits[stream["circuit"]]
        self.assertEqual((circuit["state"], circuit["purpose"], circuit["built"]), ("open", "general", 3))
        self.assertGreaterEqual(circuit["streams"], 1)
        known = {(node.fingerprint, node.nickname) for node in net.nodes}
        hops = {tuple(hop) for hop in circuit["path"]}
        self.assertEqual(len(hops), 3)
        self.assertLessEqual(hops, known)
        self.assertRegex(stream["source"], r"^127\.0\.0\.1:\d+$")

        path = " > ".join(nickname for _, nickname in circuit["path"])
        self.assertRegex(say("circuits")[1], rf"(?m)^ *{circuit['id']}  open +general .* {path}$")
        self.assertRegex(say("streams")[1], rf"(?m)^ *{stream['id']}  open +{stream['circuit']} .*:{net.web_port}$")

        wait_until(lambda: any(other["id"] == stream["id"] and other["bytes-read"] > stream["bytes-read"]
                               for other in ask("streams")), RUN_SECONDS, "more bytes on the stream")

    def test_a_new_identity_takes_another_circuit(self):
        first = slow_download(self)
        self.assertEqual(ask("newnym"), {"NewIdentityTaken": True})
        second = slow_download(self, after=first["id"])
        self.assertNotEqual(second["circuit"], first["circuit"])
        # What is open stays.
        self.assertIn(first["id"], [stream["id"] for stream in ask("streams")])

    def test_policies_are_exchanged(self):
        self.assertEqual(used_policy(cepad), {"path.weighted"})
        self.assertEqual(ask("plugins", "use", "path.uniform")["state"], "running")
        self.assertEqual(used_policy(cepad), {"path.uniform"})
        self.assertEqual(cepad.curl(page_url()).body, PAGE.encode())
        self.assertEqual(say("plugins", "use", "path.weighted"), (0, "path.weighted: running, used\n", ""))
        self.assertEqual(used_policy(cepad), {"path.weighted"})

    def test_plugins_start_and_stop(self):
        states = {plugin["id"]: plugin["state"] for plugin in ask("plugins")}
        self.assertEqual(states["control.dbus"], "running")
        self.assertEqual(ask("plugins", "start", "path.uniform")["state"], "running")
        self.assertEqual(ask("plugins", "stop", "path.uniform")["state"], "stopped")
        code, output, error = say("plugins", "start", "path.nose")
        self.assertEqual((code, output), (1, ""))
        self.assertIn("path.nose", error)


class OwnDaemonTest(unittest.TestCase):
    """Tests that need a daemon of their own."""

    def test_watching_a_bootstrap(self):
        daemon = self.enterContext(Cepad(net))
        wait_until((daemon.runtime_dir / "cepa/bus").exists, RUN_SECONDS, "the socket")
        watch = spawn([CEPA, "status", "--watch", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                      text=True, env=environment_of(daemon))
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        self.addCleanup(watch.stdout.close)
        daemon.wait_bootstrapped()
        seen = []
        for line in watch.stdout:
            seen.append(json.loads(line)["Bootstrap"][0])
            if seen[-1] == 100:
                break
        self.assertEqual(seen, sorted(seen))
        self.assertEqual(seen[-1], 100)
        daemon.stop()
        self.assertEqual(watch.wait(RUN_SECONDS), 1)

    def test_it_can_stop_its_own_front_end(self):
        daemon = self.enterContext(Cepad(net))
        daemon.wait_bootstrapped()
        code, _, error = say("plugins", "stop", "control.dbus", daemon=daemon)
        self.assertEqual(code, 1)
        self.assertRegex(error, "being stopped|ended the connection")
        wait_until(lambda: not (daemon.runtime_dir / "cepa/bus").exists(), RUN_SECONDS, "the socket's end")
        self.assertIn("there is no daemon that answers", say("status", daemon=daemon)[2])
        self.assertEqual(daemon.curl(page_url()).body, PAGE.encode())

    def test_shutdown(self):
        daemon = self.enterContext(Cepad(net))
        daemon.wait_bootstrapped()
        done = gdbus(daemon, "call", "--method", "org.cepa.Client1.Shutdown")
        self.assertEqual(done, "()\n")
        wait_until(lambda: not daemon.alive, RUN_SECONDS, "the daemon's end")
        self.assertEqual(daemon.process.returncode, 0)
        self.assertFalse((daemon.runtime_dir / "cepa/bus").exists())

    def test_a_killed_daemon_is_followed_by_another(self):
        daemon = self.enterContext(Cepad(net))
        daemon.wait_bootstrapped()
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
        self.assertTrue((daemon.runtime_dir / "cepa/bus").exists())
        self.assertIn("Connection refused", say("status", daemon=daemon)[2])
        daemon.start()
        daemon.wait_bootstrapped()
        self.assertEqual(ask("status", daemon=daemon)["Pid"], daemon.pid)

    def test_two_daemons_of_one_user(self):
        runtime = str(cepad.runtime_dir)
        second = self.enterContext(Cepad(net, env={"XDG_RUNTIME_DIR": runtime}))
        second.wait_log(r"control\.dbus: Listening on unix:" + re.escape(f"{second.data_dir}/bus"), RUN_SECONDS)
        self.assertEqual(ask("status")["Pid"], cepad.pid)
        code, output, _ = say("--socket", str(second.data_dir / "bus"), "--json", "status")
        self.assertEqual((code, json.loads(output)["Pid"]), (0, second.pid))

    def test_options(self):
        path = pathlib.Path(net.dir) / "chosen"
        daemon = self.enterContext(Cepad(net, torrc=f"PluginOption control.dbus.socket {path}\n"
                                                    "PluginOption control.dbus.bus none\n"))
        daemon.wait_log("control.dbus: Listening on unix:" + re.escape(str(path)), RUN_SECONDS)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), stat.S_IRUSR | stat.S_IWUSR)
        self.assertFalse((daemon.runtime_dir / "cepa").exists())

    def test_session_bus(self):
        folder = pathlib.Path(net.dir)
        bus = spawn([find_program("dbus-daemon"), "--session", "--nofork", "--print-address=1",
                     f"--address=unix:dir={folder}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(bus.stdout.close)
        self.addCleanup(bus.wait)
        self.addCleanup(bus.kill)
        address = bus.stdout.readline().strip()
        daemon = self.enterContext(Cepad(net, env={"DBUS_SESSION_BUS_ADDRESS": address}))
        daemon.wait_bootstrapped()
        env = environment_of(daemon, DBUS_SESSION_BUS_ADDRESS=address)
        code, output, error = run([CEPA, "--bus", "session", "status", "--json"], env)
        self.assertEqual((code, error), (0, ""))
        self.assertEqual(json.loads(output)["Pid"], daemon.pid)
        code, output, error = run([find_program("gdbus"), "introspect", "--session", "--dest", "org.cepa.Cepa1",
                                   "--object-path", OBJECT], env)
        self.assertEqual(code, 0, error)
        self.assertIn("readonly b IsReady = true;", output)


def gdbus(daemon, verb, *args):
    code, output, error = run([find_program("gdbus"), verb, "--address", f"unix:path={daemon.runtime_dir}/cepa/bus",
                               "--dest", "org.cepa.Cepa1", "--object-path", OBJECT, *args], environment_of(daemon))
    if code != 0:
        raise AssertionError(f"gdbus: {error}")
    return output


def busctl(daemon, verb, *args):
    code, output, error = run([find_program("busctl"), f"--address=unix:path={daemon.runtime_dir}/cepa/bus", verb,
                               "org.cepa.Cepa1", OBJECT, *args], environment_of(daemon))
    if code != 0:
        raise AssertionError(f"busctl: {error}")
    return output


class StrangerTest(unittest.TestCase):
    """Another program, which knows D-Bus and nothing else."""

    def test_introspection(self):
        text = gdbus(cepad, "introspect")
        for line in ("interface org.cepa.Client1 {", "readonly b IsReady = true;",
                     f"readonly u Pid = {cepad.pid};", "interface org.cepa.Signals1 {", "interface org.cepa.Log1 {"):
            self.assertIn(line, text)

    def test_busctl(self):
        self.assertRegex(busctl(cepad, "introspect"), rf"(?m)^\.Pid +property +u +{cepad.pid} ")
        self.assertEqual(busctl(cepad, "get-property", "org.cepa.Client1", "IsReady"), "b true\n")
        self.assertEqual(busctl(cepad, "call", "org.cepa.Network1", "Parameter", "si", "nothing", "7"), "i 7\n")

    def test_calls(self):
        node = net.nodes[0]
        text = gdbus(cepad, "call", "--method", "org.cepa.Network1.Find", node.nickname)
        self.assertIn(node.fingerprint, text)
        with self.assertRaisesRegex(AssertionError, r"org\.cepa\.Error\.\w+: "):
            gdbus(cepad, "call", "--method", "org.cepa.Network1.Find", "nobody")
        with self.assertRaisesRegex(AssertionError, "UnknownMethod"):
            gdbus(cepad, "call", "--method", "org.cepa.Network1.Lose", "nobody")


if __name__ == "__main__":
    unittest.main()
