# SPDX-License-Identifier: BSD-3-Clause
# What the plugin metrics.trace writes about a daemon's whole life.

import contextlib
import csv
import json
import os
import stat
import unittest

from tests.net import Cepad, Network

LONG_SIZE = 2 << 20
DATA_SIZE = 498
RELAY, DATA, CONNECTED = 3, 2, 4

KEYS = {
    "channel": ["channel"],
    "circuit": ["channel", "circuit", "purpose", "hops", "reason"],
    "stream": ["circuit", "stream", "reason"],
    "cell": ["channel", "circuit", "command", "relay_command"],
    "trace": ["value"],
}

MODULE = contextlib.ExitStack()
net = None


def setUpModule():
    global net
    net = MODULE.enter_context(Network(voting_interval=600))
    (net.web.dir / "www" / "long").write_bytes(os.urandom(LONG_SIZE))


def tearDownModule():
    MODULE.close()


class TraceTest(unittest.TestCase):
    def trace(self, *options):
        """The text that a daemon leaves which has fetched a long page."""
        torrc = "".join(f"PluginOption metrics.trace.{option}\n" for option in options)
        path = net.client_dir("trace") / "trace"
        with Cepad(net, torrc=f"{torrc}PluginOption metrics.trace.output {path}\n") as daemon:
            daemon.wait_bootstrapped()
            result = daemon.curl(net.web_url("/long"))
            self.assertEqual((result.returncode, result.size), (0, LONG_SIZE), result)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        text = path.read_text(encoding="ascii")
        self.assertTrue(text.endswith("\n"))
        for secret in ("127.", "cepa.test", "relay1", net.relays[0].fingerprint):
            self.assertNotIn(secret, text)
        return text

    def check_life(self, rows, kind, first, last):
        """Each thing of a kind begins once and ends once."""
        for number in {row[kind] for row in rows if row["event"] == kind}:
            whats = [row["what"] for row in rows if row["event"] == kind and row[kind] == number]
            self.assertEqual((whats[0], whats.count(first)), (first, 1), (kind, number, whats))
            self.assertIn(whats[-1], last, (kind, number, whats))
            self.assertEqual(sum(what in last for what in whats), 1, (kind, number, whats))

    def test_all_as_json(self):
        text = self.trace("events channel", "events circuit", "events stream", "events cell")
        rows = [json.loads(line) for line in text.splitlines()]
        self.assertEqual([rows[0]["what"], rows[-1]["what"]], ["started", "stopped"])
        self.assertNotIn("lost", {row["what"] for row in rows})
        for row in rows:
            keys = KEYS[row["event"]]
            if row["what"] == "sent":
                keys = ["queued_ns", *keys]
                self.assertLessEqual(row["queued_ns"], row["time_ns"])
                self.assertGreater(row["queued_ns"], rows[0]["time_ns"])
            self.assertEqual(list(row), ["time_ns", "event", "what", *keys])
            self.assertLessEqual(rows[0]["time_ns"], row["time_ns"])
            self.assertLessEqual(row["time_ns"], rows[-1]["time_ns"])
        self.check_life(rows, "channel", "launched", ("failed", "ended"))
        self.check_life(rows, "circuit", "launched", ("failed", "ended"))
        self.check_life(rows, "stream", "new", ("failed", "ended"))

        stream = next(row for row in rows if row["event"] == "stream" and row["what"] == "succeeded")
        built = next(row for row in rows if row["what"] == "built" and row["circuit"] == stream["circuit"])
        self.assertEqual((built["hops"], built["purpose"]), (3, "general"))
        self.assertLess(built["time_ns"], stream["time_ns"])
        cells = [row for row in rows if row["event"] == "cell" and row["circuit"] == stream["circuit"]]
        self.assertEqual({row["channel"] for row in cells}, {built["channel"]})
        received = [row["relay_command"] for row in cells if row["what"] == "received" and row["command"] == RELAY]
        self.assertEqual(received.count(CONNECTED), 1)
        self.assertGreaterEqual(received.count(DATA), LONG_SIZE // DATA_SIZE)
        self.assertLess(received.count(DATA), LONG_SIZE // DATA_SIZE * 1.1)

    def test_as_csv(self):
        text = self.trace("format csv")
        rows = list(csv.DictReader(text.splitlines()))
        self.assertEqual({row["event"] for row in rows}, {"trace", "circuit", "stream"})
        self.assertEqual({len(row) for row in rows}, {13})
        self.check_life(rows, "circuit", "launched", ("failed", "ended"))
        self.check_life(rows, "stream", "new", ("failed", "ended"))

    def test_off_unless_asked(self):
        with Cepad(net) as daemon:
            daemon.wait_bootstrapped()
            self.assertIn("The plugin transport.direct is running", daemon.log_text())
            self.assertNotIn("The plugin metrics.trace is running", daemon.log_text())

    def test_output_that_cannot_be_opened(self):
        for options, sentence in {
            "PluginOption metrics.trace.output /no/such/folder": "/no/such/folder: No such file or directory",
            "PluginOption metrics.trace.format csv": "its option output is not set",
        }.items():
            with self.subTest(options), Cepad(net, torrc=options + "\n") as daemon:
                daemon.wait_log(f"The plugin metrics.trace is failed: .*{sentence}", 20)
                daemon.wait_bootstrapped()
                self.assertEqual(daemon.curl(net.web_url()).returncode, 0)


if __name__ == "__main__":
    unittest.main()
