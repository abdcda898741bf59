# SPDX-License-Identifier: BSD-3-Clause
# MetricsPort of a daemon that works: what the numbers say is what was done.

import contextlib
import re
import subprocess
import threading
import unittest

from tests.net import Cepad, Network, socks, wait_until
from tests.net.exposition import Exposition
from tests.net.process import find_program

MODULE = contextlib.ExitStack()
PORT = r"Opened Metrics listener connection \(ready\) on (127\.0\.0\.1:\d+)"
# Cells have 514 bytes for 498 of data; flow control, circuits and the directory come on top.
OVERHEAD = 1.06
BULK_SECONDS = 150
net = None
cepad = None


def setUpModule():
    global net, cepad
    net = MODULE.enter_context(Network())
    cepad = MODULE.enter_context(Cepad(net, torrc="MetricsPort 127.0.0.1:auto\nMetricsPortPolicy accept 127.0.0.1\n"))
    cepad.wait_bootstrapped()


def tearDownModule():
    MODULE.close()


def curl(url, *options):
    """A direct request, not through Tor: (curl's exit code, what it wrote)."""
    done = subprocess.run([find_program("curl"), "--silent", "--show-error", "--max-time", "20", *options, url],
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def metrics_url(daemon, path="/metrics"):
    return f"http://{daemon.wait_log(PORT, since=0).group(1)}{path}"


def scrape():
    code, text = curl(metrics_url(cepad))
    if code != 0:
        raise AssertionError(f"curl: {code}")
    return Exposition(text)


class MetricsTest(unittest.TestCase):
    def wait_for_no_streams(self):
        wait_until(lambda: scrape().get("cepa_open_streams") == 0, 20, "the end of all streams")
        return scrape()

    def test_format(self):
        metrics = scrape()
        self.assertEqual([], metrics.problems)
        for name in ("cepa_circuit_build_seconds", "cepa_plugin_state", "cepa_resident_memory_bytes"):
            self.assertIn(name, metrics.families)

    def test_http(self):
        code, head = curl(metrics_url(cepad), "--head")
        self.assertEqual(0, code)
        self.assertRegex(head, r"(?i)content-type: text/plain; version=0\.0\.4")
        status = ["--output", "/dev/null", "--write-out", "%{http_code}"]
        self.assertEqual((0, "404"), curl(metrics_url(cepad, "/"), *status))
        self.assertEqual((0, "405"), curl(metrics_url(cepad), *status, "--data", "x"))
        self.assertEqual((0, "200"), curl(metrics_url(cepad), *status, "--http1.0"))

    def test_directory(self):
        metrics = scrape()
        consensus = net.consensus_text()
        self.assertEqual(100, metrics.get("cepa_bootstrap_percent"))
        self.assertEqual(len(re.findall("^r ", consensus, re.MULTILINE)), metrics.get("cepa_relays"))
        times = [metrics.get(f"cepa_consensus_{which}_timestamp_seconds")
                 for which in ("valid_after", "fresh_until", "valid_until")]
        self.assertEqual(sorted(times), times)
        self.assertEqual(1, metrics.get("cepa_plugin_state", plugin="metrics.prometheus", state="running"))
        self.assertGreater(metrics["cepa_circuits_total"].get(event="built", purpose="directory"), 0)
        self.assertGreater(metrics.get("cepa_open_channels"), 0)

    def test_streams(self):
        before = self.wait_for_no_streams()
        for _ in range(5):
            self.assertEqual(200, cepad.curl(net.web_url()).http_code)
        socks.ask(cepad.socks_port, "no-such-host.cepa.test", net.web_port)
        socks.ask(cepad.socks_port, "x.onion", net.web_port)
        after = self.wait_for_no_streams()
        grown = {event: after.get("cepa_streams_total", event=event) - before.get("cepa_streams_total", event=event)
                 for event in ("new", "succeeded", "failed", "ended")}
        self.assertEqual({"new": 7, "succeeded": 5, "failed": 2, "ended": 5}, grown)

    def test_circuits(self):
        """As many were built as the log says."""
        metrics = scrape()
        lines = len(re.findall(r"circuit \d+ open through", cepad.log_text()))
        self.assertGreaterEqual(lines, metrics.get("cepa_circuits_total", event="built", purpose="general"))
        self.assertGreater(lines, 0)
        self.assertEqual(metrics.get("cepa_circuits_total", event="built", purpose="general"),
                         metrics.get("cepa_circuit_build_seconds", "_count", purpose="general"))
        self.assertGreater(metrics.get("cepa_open_circuits"), 0)

    def test_bulk(self):
        """The numbers can be read while 100 MiB come, and tell of them."""
        before = scrape()
        results = []
        thread = threading.Thread(target=lambda: results.append(cepad.curl(net.big_url, timeout=BULK_SECONDS)))
        thread.start()
        seen = [before]
        while thread.is_alive():
            seen.append(scrape())
            thread.join(0.5)
        self.assertEqual(net.big_sha256, results[0].sha256)
        seen.append(scrape())
        self.assertGreater(max(metrics.get("cepa_open_streams") for metrics in seen), 0)
        read = [metrics.get("cepa_bytes_total", direction="read") for metrics in seen]
        self.assertEqual(sorted(read), read)
        self.assertGreater(len(set(read)), 2)
        self.assertGreater(read[-1] - read[0], net.big_size)
        self.assertLess(read[-1] - read[0], net.big_size * OVERHEAD)
        cells = [metrics.get("cepa_cells_total", direction="received") for metrics in (before, seen[-1])]
        self.assertAlmostEqual(1, (cells[1] - cells[0]) * 514 / (read[-1] - read[0]), delta=0.01)
        written = [metrics.get("cepa_bytes_total", direction="written") for metrics in (before, seen[-1])]
        # An acknowledgement for 50 cells of the stream, and one for 100 of the circuit.
        self.assertGreater(written[1] - written[0], net.big_size / 498 * 514 * (1 / 50 + 1 / 100) * 0.9)


class PolicyTest(unittest.TestCase):
    def test_nobody_is_let_in_without_a_policy(self):
        daemon = self.enterContext(Cepad(net, torrc="MetricsPort 127.0.0.1:auto\n"))
        code, text = curl(metrics_url(daemon))
        self.assertIn(code, (52, 56))  # no answer
        self.assertEqual("", text)
        self.assertIn("MetricsPortPolicy", daemon.log_text())

    def test_a_port_that_cannot_be_is_named_and_the_daemon_goes_on(self):
        daemon = self.enterContext(Cepad(net, torrc="MetricsPort nowhere:x\n"))
        daemon.wait_bootstrapped()
        self.assertRegex(daemon.log_text(), r'metrics\.prometheus is failed: .*the port "nowhere:x" is not PORT')


if __name__ == "__main__":
    unittest.main()
