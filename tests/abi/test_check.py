#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# cepa-plugin-check: good plugins keep every rule, and each rule is seen to be broken by a plugin that is bad on purpose.
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD = os.environ.get("CEPA_BUILD", os.path.join(os.getcwd(), "build"))
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import abi  # noqa: E402: it is found by the line above
MINOR = abi.read_version(abi.HEADERS)[1]
CHECK = os.path.join(BUILD, "sdk", "check", "cepa-plugin-check")
BAD = os.path.join(BUILD, "tests", "abi", "bad")
SANITIZED = os.environ.get("CEPA_SANITIZED") == "1"

# What a plugin's own misconduct makes a sanitizer report would be said by it, not by us: these are for ordinary builds.
NOT_SANITIZED = {"no-leak", "padding-no-allocation", "metrics-no-allocation", "comes-back", "no-constructor"}

# (module, what it does, rule that is broken, words of the verdict)
FILES = [
    ("two-symbols", "", "one-symbol", "bad_other_symbol is exported too"),
    ("no-symbol", "", "one-symbol", "cepa_plugin_v1 is not exported"),
    ("no-symbol", "", "loads", "there is no symbol cepa_plugin_v1"),
    ("constructor", "", "no-constructor", "bad_construct would run"),
    ("crashing-constructor", "", "loads", "crashed in dlopen"),
    ("undefined", "", "no-undefined-symbols", "foo_bar is in none"),
    ("small", "", "table-size", "it has 4 bytes"),
    ("minor", "", "table-size", "for version 1.99"),
    ("id", "", "identity", "path.Bad!"),
    ("kind", "", "kind-table", "of no kind"),
    ("no-table", "", "kind-table", "there is no .path"),
    ("short-table", "", "kind-table", "12 bytes"),
    ("no-functions", "", "kind-table", "choose_path or weigh"),
    ("stride", "", "options", "option_stride"),
    ("default", "", "options", "default \"10\""),
    ("option-name", "", "options", "How Many"),
]
LIFE = [
    ("path", "create-fails", "create-destroy", "the list of latencies"),
    ("path", "create-silent", "create-destroy", "without an error"),
    ("path", "create-crashes", "create-destroy", "crashed in create"),
    ("path", "destroy-crashes", "create-destroy", "crashed in destroy"),
    ("path", "option", "create-destroy", "no-such-option"),
    ("path", "log", "create-destroy", "not UTF-8 in one line"),
    ("path", "create-timer", "create-quiet", "timers"),
    ("path", "create-opens", "create-quiet", "1 descriptors"),
    ("path", "create-single", "create-twice", "same instance"),
    ("path", "create-once", "create-again", "create failed without an error"),
    ("path", "start-never", "start-stop", "start was not complete"),
    ("path", "start-crashes", "start-stop", "crashed in start"),
    ("path", "start-exits", "start-stop", "was ended in start, by exit"),
    ("path", "start-fails", "start-stop", "CEPA_PLUGIN_ERROR"),
    ("path", "start-twice", "start-stop", "twice"),
    ("path", "stop-never", "start-stop", "stop was not complete"),
    ("path", "timer-left", "start-stop", "1 timers were left"),
    ("path", "watch-left", "start-stop", "1 watches were left"),
    ("path", "watch-closed", "start-stop", "closed before the watch"),
    ("path", "late", "start-stop", "called after destroy"),
    ("path", "shared-freed", "two-at-once", "crashed"),
    ("path", "destroy-needs-stop", "destroy-running", "1 timers were left"),
    ("path", "stop-needs-start", "stop-before-start", "crashed in stop"),
    ("path", "stop-completes-start", "stop-while-starting", "was over"),
    ("path", "destroy-needs-stop", "destroy-while-starting", "1 timers were left"),
    ("path", "stop-slow", "destroy-while-stopping", "1 timers were left"),
    ("path", "memory-left", "no-leak", "bytes behind"),
    ("path", "descriptor-left", "no-leak", "descriptors are open"),
    ("path", "raw-host", "host-without-one", "crashed"),
    ("path", "raw-host", "host-without-any", "crashed"),
    ("path", "raw-side-table", "host-without-one", "crashed"),
    ("path", "raw-size", "host-short", "crashed"),
    ("path", "raw-view", "host-kind-short", "crashed in choose_path"),
    ("metrics", "raw-want", "host-kind-short", "crashed in start"),
    ("path", "thread", "one-thread", "another thread"),
]
PATH = [
    ("path", "twice", "path-usual", "twice"),
    ("path", "flags", "path-usual", "a relay is not"),
    ("path", "policy", "path-usual", "policy"),
    ("path", "no-path", "path-usual", "no path in a network"),
    ("path", "writes", "path-usual", "was written to"),
    ("path", "row-asked", "path-usual", "policy that no relay has"),
    ("path", "hangs", "path-usual", "did not come back in choose_path"),
    ("path", "excluded", "path-sizes", "excluded"),
    ("path", "silent", "path-sizes", "without an error"),
    ("path", "domain", "path-sizes", "must be CEPA_PLUGIN_ERROR"),
    ("path", "array", "path-newer-network", "("),
    ("path", "exact-size", "path-newer-request", "no path for any request of a newer host"),
    ("path", "stale", "path-changes", ""),
    ("path", "too-long", "path-unknown", "wrote behind the path"),
    ("path", "outcome", "path-results", "crashed in result"),
    ("path", "own-chance", "path-replay", "other paths"),
    ("path", "guards", "path-guards", "none of the guards"),
    ("path", "settled", "path-settled", "settled for a hop"),
    ("path", "barred", "path-barred", "bars a relay"),
    ("path", "vanguards", "path-vanguards", "within two hops"),
    ("path", "slow", "comes-back", "network_changed held the thread"),
]
OTHERS = [
    ("padding", "no-machine", "padding-actions", "no machine"),
    ("padding", "too-many", "padding-actions", "there is room for"),
    ("padding", "writes-behind", "padding-actions", "wrote behind"),
    ("padding", "action-type", "padding-actions", "type that there is not"),
    ("padding", "flags", "padding-actions", "flags that there are not"),
    ("padding", "timeout", "padding-actions", "timeout below 0"),
    ("padding", "hop", "padding-actions", "hop that the circuit does not have"),
    ("padding", "blocks", "padding-actions", "BLOCK is for circuits"),
    ("padding", "negotiates", "padding-actions", "NEGOTIATE"),
    ("padding", "unknown-event", "padding-unknown", "crashed in trigger"),
    ("padding", "few-machines", "padding-many", "crashed in machine_new"),
    ("padding", "allocates", "padding-no-allocation", "hot path"),
    ("padding", "divides", "padding-parameters", "crashed in trigger"),
    ("padding", "machine-left", "no-leak", "bytes behind"),
    ("metrics", "wants-unknown", "metrics-events", "which some there are not"),
    ("metrics", "no-addresses", "metrics-events", "gave no text"),
    ("no-event", "", "metrics-events", "no function event"),
    ("metrics", "unknown-kind", "metrics-unknown", "crashed in event"),
    ("metrics", "allocates", "metrics-no-allocation", "hot path"),
    ("control", "subscription-left", "control-signals", "takes signals when its stop is complete"),
    ("control", "signal-crashes", "control-signals", "crashed"),
    ("control", "unsubscribes-odd", "control-addresses", "unsubscribe was called"),
    ("control", "odd-address", "control-addresses", "no address"),
    ("control", "needs-state", "control-empty-vocabulary", "crashed in start"),
    ("transport", "never", "transport-open", "did not end"),
    ("transport", "elsewhere", "transport-open", "not connected to the address"),
    ("transport", "blocking", "transport-open", "descriptor that blocks"),
    ("transport", "both", "transport-open", "descriptor and an error"),
    ("transport", "ends-twice", "transport-closed", "twice for one attempt"),
    ("transport", "elsewhere", "transport-closed", "closed port was reached"),
    ("transport", "one-address", "transport-several", "of four addresses"),
    ("transport", "not-cancelled", "transport-cancel", "was cancelled"),
    ("transport", "cancel-unknown", "transport-cancel", "crashed in cancel"),
    ("transport", "stop-forgets", "transport-stop", "watches were left"),
    ("transport", "destroy-forgets", "transport-destroy", "watches were left"),
    ("transport", "names", "transport-names", "crashed in connect"),
    ("transport-name", "", "transport-names", "two words"),
]
GOOD = ["path", "padding", "transport", "control", "metrics"]


def kind_of(module):
    """The kind in the id of tests/abi/bad/bad-MODULE."""
    if module in GOOD:
        return module
    return {"no-event": "metrics", "transport-name": "transport"}.get(module, "path")


class CheckTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="cepa-check-")
        self.addCleanup(shutil.rmtree, self.folder)

    def put(self, module, **changes):
        """A bad plugin with its keyfile, in a folder of its own."""
        path = os.path.join(self.folder, f"bad-{module}.so")
        shutil.copy(os.path.join(BAD, f"bad-{module}.so"), path)
        keys = {"Id": f"{kind_of(module)}.bad", "Name": "A bad plugin", "Module": f"bad-{module}.so", "AbiMajor": "1",
                "AbiMinor": str(MINOR)}
        keys.update(changes)
        with open(path[:-3] + ".plugin", "w", encoding="utf-8") as file:
            file.write("[Plugin]\n" + "".join(f"{key}={value}\n" for key, value in keys.items() if value is not None))
        return path

    def check(self, path, bad="", *arguments):
        """Runs the checker. Returns: the exit status and {rule: (verdict, text)}."""
        result = subprocess.run([CHECK, *arguments, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                                text=True, errors="replace", timeout=600, env={**os.environ, "CEPA_BAD": bad})
        verdicts = {}
        for line in result.stdout.split("\n"):
            if line[:6] in ("ok    ", "FAIL  ", "skip  "):
                rule, _, text = line[6:].partition(": ")
                verdicts[rule] = (line[:4].strip(), text)
        return result.returncode, verdicts, result.stdout

    def check_broken(self, cases):
        for module, bad, rule, words in cases:
            if SANITIZED and rule in NOT_SANITIZED:
                continue
            with self.subTest(module=module, bad=bad, rule=rule):
                which = ["--rule", "path-usual"] if rule == "comes-back" else ["--rule", rule]
                status, verdicts, output = self.check(self.put(module), bad, "--deadline", "10", *which)
                self.assertEqual(status, 1, output)
                self.assertIn(rule, verdicts, output)
                self.assertEqual(verdicts[rule][0], "FAIL", output)
                if not SANITIZED:
                    self.assertIn(words, verdicts[rule][1], output)

    def test_good(self):
        for module in GOOD:
            with self.subTest(module=module):
                status, verdicts, output = self.check(self.put(module))
                self.assertEqual(status, 0, output)
                self.assertNotIn("FAIL", [verdict for verdict, _ in verdicts.values()])
                self.assertGreater(len(verdicts), 30)

    def test_side_tables(self):
        """A plugin that waits for one, and weighs by its numbers."""
        path = os.path.join(self.folder, "beside.so")
        shutil.copy(os.path.join(BUILD, "tests", "plugins", "beside.so"), path)
        with open(path[:-3] + ".plugin", "w", encoding="utf-8") as file:
            file.write(f"[Plugin]\nId=path.beside\nName=Weights from a file\nModule=beside.so\nAbiMajor=1\nAbiMinor={MINOR}\n")
        table = os.path.join(self.folder, "table.csv")
        with open(table, "w", encoding="utf-8") as file:
            file.write("fingerprint,weight\n" + "A" * 40 + ",5\n")
        status, verdicts, output = self.check(path, "", "--option", f"file={table}")
        self.assertEqual(status, 0, output)
        self.assertEqual(verdicts["path-usual"][0], "ok", output)
        status, verdicts, output = self.check(path, "", "--option", "file=/no/such/file", "--rule", "start-stop")
        self.assertEqual(status, 1, output)
        self.assertIn("start failed: ", verdicts["start-stop"][1])

    def test_every_rule_is_seen_broken(self):
        """A rule that no bad plugin breaks is no rule."""
        broken = {rule for _, _, rule, _ in FILES + LIFE + PATH + OTHERS} | {"shared-object", "keyfile",
                                                                            "keyfile-agrees"}
        seen = set()
        for module in GOOD:
            seen |= set(self.check(self.put(module))[1])
        self.assertEqual(seen - broken, set())
        with open(os.path.join(os.path.dirname(HERE), "..", "sdk", "check", "README.md"), encoding="utf-8") as file:
            named = set(re.findall(r"`([a-z-]+)`", file.read()))
        self.assertEqual(seen - named, set(), "sdk/check/README.md does not name them")

    def test_files_and_tables(self):
        self.check_broken(FILES)

    def test_life(self):
        self.check_broken(LIFE)

    def test_path(self):
        self.check_broken(PATH)

    def test_others(self):
        self.check_broken(OTHERS)

    def test_not_a_shared_object(self):
        for name, content in (("text", b"hello\n"), ("empty", b""), ("cut", None)):
            with self.subTest(content=name):
                path = self.put("path")
                with open(path, "rb") as file:
                    start = file.read(100)
                with open(path, "wb") as file:
                    file.write(start if content is None else content)
                status, verdicts, output = self.check(path)
                self.assertEqual(status, 1, output)
                self.assertEqual(verdicts["shared-object"][0], "FAIL")
                self.assertEqual(verdicts["loads"][0], "FAIL")

    def test_keyfile(self):
        for changes, words in (({"Id": None}, "there is no Id"), ({"Module": "other.so"}, "Module is"),
                               ({"AbiMajor": "one"}, "not a number"), ({"Profile": "always"}, "Profile"),
                               ({"Requires": "metrics.a;nonsense"}, "nonsense"), ({"Id": "path"}, "not a kind")):
            with self.subTest(changes=changes):
                status, verdicts, output = self.check(self.put("path", **changes), "", "--rule", "create-destroy")
                self.assertEqual(status, 1, output)
                self.assertEqual(verdicts["keyfile"][0], "FAIL", output)
                self.assertIn(words, verdicts["keyfile"][1])

    def test_keyfile_that_is_not_there(self):
        path = self.put("path")
        os.unlink(path[:-3] + ".plugin")
        status, verdicts, output = self.check(path, "", "--rule", "create-destroy")
        self.assertEqual(status, 1)
        self.assertEqual(verdicts["keyfile"][0], "FAIL", output)

    def test_older(self):
        """A plugin for 1.0 that does not know of guards is told what becomes of its paths."""
        path = self.put("older", AbiMinor="0")
        self.assertEqual(self.check(path, "", "--rule", "path-guards")[0], 0)
        status, verdicts, output = self.check(path, "guards", "--rule", "path-guards")
        self.assertEqual(status, 1, output)
        self.assertEqual(verdicts["path-guards"][0], "FAIL", output)
        self.assertIn("built for version 1.0", output)

    def test_keyfile_elsewhere(self):
        path = self.put("path")
        other = os.path.join(self.folder, "x.plugin")
        os.rename(path[:-3] + ".plugin", other)
        status, _, output = self.check(path, "", "--rule", "create-destroy", "--keyfile", other)
        self.assertEqual(status, 0, output)

    def test_keyfile_agrees(self):
        for changes, words in (({"Id": "path.other"}, "path.other"), ({"Name": "Other"}, "Other"),
                               ({"AbiMinor": str(MINOR + 1)}, f"1.{MINOR + 1}")):
            with self.subTest(changes=changes):
                status, verdicts, output = self.check(self.put("path", **changes), "", "--rule", "create-destroy")
                self.assertEqual(status, 1, output)
                self.assertEqual(verdicts["keyfile-agrees"][0], "FAIL", output)
                self.assertIn(words, verdicts["keyfile-agrees"][1])

    def test_options(self):
        path = self.put("path")
        self.assertEqual(self.check(path, "", "--rule", "create-destroy", "--option", "how-many=3")[0], 0)
        self.assertEqual(self.check(path, "", "--option", "how-few=3")[0], 2)
        self.assertEqual(self.check(path, "", "--option", "how-many")[0], 2)

    def test_command_line(self):
        self.assertEqual(subprocess.run([CHECK], capture_output=True, check=False).returncode, 2)
        self.assertEqual(subprocess.run([CHECK, "--nonsense", "x"], capture_output=True, check=False).returncode, 2)
        self.assertEqual(self.check(os.path.join(self.folder, "nowhere.so"))[0], 1)
        for arguments in (["--rule", "path-usul"], ["--deadline", "0"], ["--deadline", "2147483647"]):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.check(self.put("path"), "", *arguments)[0], 2)

    if not SANITIZED:  # valgrind does not run what a sanitizer has built
        def test_valgrind(self):
            status, verdicts, output = self.check(self.put("path"), "", "--valgrind", "--rule", "start-stop")
            self.assertEqual(status, 0, output)
            self.assertEqual(verdicts["start-stop"][0], "ok")
            status, verdicts, output = self.check(self.put("path"), "memory-left", "--valgrind", "--rule", "start-stop")
            self.assertEqual(status, 1, output)
            self.assertIn("code 99", verdicts["start-stop"][1])


if __name__ == "__main__":
    unittest.main()
