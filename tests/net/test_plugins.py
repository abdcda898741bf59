# SPDX-License-Identifier: BSD-3-Clause
# Plugins that misbehave in a running daemon, which goes on fetching pages; and plugins that change while it runs.

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from tests.net import Cepad, Network, curl_start, wait_until
from tests.net.events import circuits
from tests.net.web import BIG_NAME, PAGE

BUILD = pathlib.Path(os.environ.get("G_TEST_BUILDDIR") or "build/tests").resolve()
CEPA = BUILD.parent / "daemon/ctl/cepa"
SECONDS = 30

MODULE = contextlib.ExitStack()
net = None


def setUpModule():
    global net
    net = MODULE.enter_context(Network(voting_interval=1800))


def tearDownModule():
    MODULE.close()


class PluginsTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cepa-plugins-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def install(self, module, plugin, *lines, abi="1.0", mode=0o644):
        """A folder with the module of tests/plugins of this name and a keyfile for it."""
        folder = self.folder / module
        folder.mkdir()
        shutil.copy(BUILD / f"plugins/{module}.so", folder / "module.so")
        (folder / "module.so").chmod(mode)
        major, minor = abi.split(".")
        (folder / "module.plugin").write_text("\n".join(
            ["[Plugin]", f"Id={plugin}", "Name=A plugin for tests", "Module=module.so", f"AbiMajor={major}",
             f"AbiMinor={minor}", *lines, ""]), encoding="utf-8")
        return folder

    def start(self, *lines):
        daemon = self.enterContext(Cepad(net, torrc="\n".join([f"PluginDirectory {self.folder}", *lines])))
        daemon.wait_bootstrapped()
        return daemon

    def cepa(self, daemon, *arguments, status=0):
        run = subprocess.run([CEPA, "--socket", daemon.runtime_dir / "cepa/bus", *arguments], capture_output=True, text=True,
                             timeout=SECONDS)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run.stdout + run.stderr

    def plugins(self, daemon):
        return {plugin["id"] or plugin["keyfile"]: plugin for plugin in json.loads(self.cepa(daemon, "plugins", "--json"))}

    def fetch(self, daemon, user="a"):
        result = daemon.curl(net.web_url(), user=f"{user}:x")
        self.assertEqual((result.returncode, result.body), (0, PAGE.encode()), result)

    def check_conduct(self, module, *lines, torrc=(), state="failed", reason="", rule=None, plugin="metrics.conduct", **kw):
        self.install(module, plugin, "Profile=optional", *lines, **kw)
        daemon = self.start(*torrc)
        self.fetch(daemon)

        def find():
            plugins = self.plugins(daemon)
            return plugins.get(plugin) or [p for key, p in plugins.items() if key.startswith(str(self.folder))][0]
        # The daemon does not wait for those that it can do without.
        wait_until(lambda: find()["state"] != "starting", SECONDS, "the end of a start")
        found = find()
        self.assertEqual(found["state"], state, found)
        self.assertIn(reason, found["reason"])
        if rule:
            self.assertGreaterEqual(found["violations"].get(rule, 0), 1, found)
        return daemon, found

    # Each has a state, a sentence that tells the author what to change, and a daemon that fetches a page.

    def test_abi_too_new(self):
        self.check_conduct("well", abi="1.99", state="refused", reason="version 1.99 of the interface and this daemon has 1.")

    def test_abi_too_new_in_the_table(self):
        self.check_conduct("abi-minor", plugin="path.variant", state="refused", reason="build it with this daemon's headers")

    def test_table_too_short(self):
        self.check_conduct("small", plugin="path.variant", state="refused", reason="set .size = sizeof (CepaPlugin)")

    def test_no_symbol(self):
        self.check_conduct("no-symbol", plugin="path.variant", state="refused", reason="declare it with CEPA_PLUGIN_EXPORT")

    def test_init_fails(self):
        self.check_conduct("create-fails", plugin="path.variant", reason="create failed: no table of latencies")

    def test_start_fails(self):
        self.check_conduct("start-fails", reason="start failed: the table of latencies is torn")

    def test_start_never_returns(self):
        self.check_conduct("start-never", reason="its start did not come to an end", rule="start-deadline")

    def test_returns_twice(self):
        self.check_conduct("start-twice", state="running", rule="no-such-task")

    def test_calls_from_another_thread(self):
        self.check_conduct("thread", reason="only the protocol thread may call the host", rule="wrong-thread")

    def test_group_writable(self):
        self.check_conduct("well", mode=0o664, state="refused", reason="can be written by its group: run chmod go-w on it")

    def test_not_a_shared_object(self):
        folder = self.install("well", "metrics.conduct", "Profile=optional")
        (folder / "module.so").write_text("#!/bin/sh\n")
        daemon = self.start()
        self.fetch(daemon)
        found = self.plugins(daemon)["metrics.conduct"]
        self.assertEqual(found["state"], "refused")
        self.assertIn("it cannot be loaded", found["reason"])

    def test_unknown_option(self):
        self.check_conduct("well", torrc=["PluginOption metrics.conduct.width 3"],
                           reason='it has no option "width"; it has: depth, format')

    def test_bad_option_value(self):
        self.check_conduct("well", torrc=["PluginOption metrics.conduct.depth 30"],
                           reason='its option depth is "30"; write a number from 1 to 9')

    def test_requires_a_missing_one(self):
        self.check_conduct("well", "Requires=metrics.nobody", reason="requires the plugin metrics.nobody, which is not there")

    def test_dependency_cycle(self):
        self.install("second", "metrics.second", "Requires=metrics.conduct", "Profile=optional")
        self.check_conduct("well", "Requires=metrics.second", reason="in a circle: ")

    def test_stop_never_returns(self):
        daemon, _ = self.check_conduct("stop-never", state="running")
        self.cepa(daemon, "plugins", "stop", "metrics.conduct")
        found = self.plugins(daemon)["metrics.conduct"]
        self.assertEqual((found["state"], found["reason"]), ("failed", "its stop did not come to an end"))
        self.fetch(daemon, "b")

    def test_stop_never_returns_at_the_end(self):
        daemon, _ = self.check_conduct("stop-never", state="running")
        self.assertEqual(daemon.stop(), 0)

    def test_leaks_a_timer(self):
        daemon, _ = self.check_conduct("leaks", state="running")
        self.cepa(daemon, "plugins", "stop", "metrics.conduct")
        self.assertEqual(self.plugins(daemon)["metrics.conduct"]["violations"]["left-sources"], 1)
        self.fetch(daemon, "b")

    def test_forbidden_paths(self):
        for module, rule in (("twice", "repeated-relay"), ("unknown-row", "unknown-row"), ("no-exit", "no-exit-flag"),
                             ("same-family", "same-family")):
            with self.subTest(module):
                self.setUp()
                daemon, _ = self.check_conduct(module, plugin="path.variant", torrc=["PathPolicy variant"],
                                               state="running", rule=rule)
                self.assertRegex(daemon.log.text(), rf"path\.variant broke the rule {rule} \(1\): .*hops?")
                self.assertEqual(daemon.stop(), 0)

    def test_what_the_user_wants(self):
        """Options hold against a policy that goes by none of them."""
        names = {name: net.node(name).fingerprint for name in ("relay1", "relay2", "exit1")}
        # With exit1 as the guard there would be no barred exit left to propose.
        guard = f"EntryNodes {names['relay1']}"
        for module, line, rule in (("barred", f"ExcludeExitNodes {names['exit1']}\n{guard}", "barred-exit"),
                                   ("barred", f"ExcludeNodes {names['relay2']}", "barred-middle"),
                                   ("other-guard", guard, "not-our-guard")):
            with self.subTest(module, rule=rule):
                self.setUp()
                daemon, _ = self.check_conduct(module, plugin="path.variant", torrc=["PathPolicy variant", line],
                                               state="running", rule=rule)
                self.assertEqual(daemon.stop(), 0)

    def test_wrong_exit_policy(self):
        daemon, _ = self.check_conduct("stubborn", plugin="path.variant", torrc=["PathPolicy variant"], state="running")
        self.assertNotEqual(daemon.curl("http://web.cepa.test:25/", user="b:x").returncode, 0)
        self.assertGreaterEqual(self.plugins(daemon)["path.variant"]["violations"]["exit-policy"], 1)
        self.fetch(daemon, "c")

    def test_excluded_relay(self):
        daemon, _ = self.check_conduct("stubborn", plugin="path.variant", torrc=["PathPolicy variant"], state="running")
        middle = next(iter(circuits(daemon.log.text()).values()))[1]
        net.node(middle).kill()
        try:
            # Its middle relay is gone, so it is left out, and proposed again.
            self.fetch(daemon, "b")
            self.fetch(daemon, "c")
            self.assertGreaterEqual(self.plugins(daemon)["path.variant"]["violations"]["excluded-relay"], 1)
        finally:
            net.node(middle).restart()

    def test_required_one_that_fails(self):
        """Only what the user says is required takes the daemon down, which says why."""
        self.install("start-fails", "metrics.conduct")
        daemon = Cepad(net, torrc=f"PluginDirectory {self.folder}\nPlugin metrics.conduct required")
        with contextlib.suppress(Exception):
            daemon.start()
        wait_until(lambda: daemon.process.poll() is not None, SECONDS, "the daemon's end")
        self.assertEqual(daemon.process.returncode, 1)
        self.assertRegex(daemon.log.text(), r'\[err\] the required plugin "metrics\.conduct" .*latencies is torn')

    # While it runs.

    def test_swap_of_the_policy(self):
        daemon = self.start()
        slow = curl_start(daemon.socks_port, net.web_url("/" + BIG_NAME), user="a:x", extra=["--limit-rate", "50k"],
                          timeout=20 * SECONDS)
        wait_until(lambda: slow.received > 0, SECONDS, "the slow download's beginning")
        self.fetch(daemon, "a")
        self.cepa(daemon, "plugins", "use", "path.uniform")
        self.fetch(daemon, "b")
        found = self.plugins(daemon)
        self.assertTrue(found["path.uniform"]["is-used"])
        self.assertFalse(found["path.weighted"]["is-used"])
        self.cepa(daemon, "plugins", "stop", "path.uniform")
        self.fetch(daemon, "c")
        self.assertEqual(self.plugins(daemon)["path.uniform"]["state"], "stopped")
        self.cepa(daemon, "plugins", "use", "path.weighted")
        self.fetch(daemon, "d")
        received = slow.received
        wait_until(lambda: slow.received > received or slow.process.poll() is not None, SECONDS,
                   "more of the slow download, which began before")
        if slow.process.poll() is not None:
            self.fail(slow.finish())
        slow.process.kill()
        slow.finish()

    def test_start_and_stop(self):
        self.install("well", "metrics.conduct")
        daemon = self.start()
        self.assertEqual(self.plugins(daemon)["metrics.conduct"]["state"], "disabled")
        for _ in range(3):
            self.cepa(daemon, "plugins", "start", "metrics.conduct")
            self.assertEqual(self.plugins(daemon)["metrics.conduct"]["state"], "running")
            self.cepa(daemon, "plugins", "stop", "metrics.conduct")
            self.assertEqual(self.plugins(daemon)["metrics.conduct"]["state"], "stopped")
        self.assertEqual(daemon.log.text().count("metrics.conduct: depth 3"), 3)
        self.assertIn("metrics.nobody", self.cepa(daemon, "plugins", "start", "metrics.nobody", status=1))


if __name__ == "__main__":
    unittest.main()
