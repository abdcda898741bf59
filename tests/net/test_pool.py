# SPDX-License-Identifier: BSD-3-Clause
# Which circuits there are, on a private network: built ahead of use, given up in time, replaced, kept to an exit or a
# country; and a client that sleeps.

import contextlib
import json
import queue
import re
import unittest

import stem
import stem.control

from tests.net import Cepad, Network, wait_until
from tests.net.events import attachments, circuits
from tests.net.web import PAGE

MODULE = contextlib.ExitStack()
CONTROL = "ControlPort 127.0.0.1:auto\nCookieAuthentication 1\n"
PORT = r"control\.tor: Opened Control listener connection \(ready\) on 127\.0\.0\.1:(\d+)"
SECONDS = 30
# Few build times make an estimate, and circuits for the sake of learning come every second.
PARAMS = {"cbtmincircs": 6, "cbttestfreq": 1, "cbtinitialtimeout": 20000}
net = None


def setUpModule():
    global net
    net = MODULE.enter_context(Network(voting_interval=600, params=PARAMS))


def tearDownModule():
    MODULE.close()


class PoolTest(unittest.TestCase):
    def start(self, torrc=""):
        daemon = self.enterContext(Cepad(net, torrc=CONTROL + torrc))
        daemon.wait_bootstrapped()
        return daemon

    def connect(self, daemon, since=0):
        port = int(daemon.wait_log(PORT, SECONDS, since=since).group(1))
        controller = stem.control.Controller.from_port(port=port)
        self.addCleanup(controller.close)
        controller.authenticate()
        return controller

    def check_page(self, daemon, user=None, url=None):
        mark = daemon.log_mark()
        result = daemon.curl(url or net.web_url(), user=user, timeout=SECONDS)
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), f"{result}\n{daemon.log.text(mark)}")

    def exit_of_last_stream(self, daemon):
        _, circuit = attachments(daemon.log_text())[-1]
        return net.node(circuits(daemon.log_text())[circuit][-1])


class AheadTest(PoolTest):
    def test_nothing_ahead(self):
        """Nothing is built before somebody asks; then it is. On a slow machine a second circuit is begun beside the first."""
        daemon = self.enterContext(Cepad(net, torrc="__DisablePredictedCircuits 1\n"))
        daemon.wait_log(r"Bootstrapped 75%", 60)
        self.assertEqual([path for path in circuits(daemon.log_text()).values() if len(path) == 3], [])
        self.check_page(daemon)
        self.assertIn(len([path for path in circuits(daemon.log_text()).values() if len(path) == 3]), (1, 2))


class BuildTimeoutTest(PoolTest):
    def test_learned_and_kept(self):
        daemon = self.enterContext(Cepad(net, torrc=CONTROL))
        controller = self.connect(daemon)
        events = queue.Queue()
        controller.add_event_listener(events.put, stem.control.EventType.BUILDTIMEOUT_SET)
        event = events.get(timeout=90)
        self.assertEqual(event.set_type, stem.TimeoutSetType.COMPUTED)
        self.assertGreaterEqual(event.total_times, PARAMS["cbtmincircs"])
        self.assertLess(event.timeout, PARAMS["cbtinitialtimeout"])
        self.assertEqual(event.quantile, 0.8)
        self.check_page(daemon)
        controller.close()
        self.assertEqual(daemon.stop(), 0)
        kept = json.loads((daemon.data_dir / "state").read_text())["sections"]["build-times"]
        self.assertGreaterEqual(kept["total"], event.total_times)
        self.assertEqual(sum(kept["bins"][1::2]) + kept["abandoned"], kept["total"])
        mark = daemon.log_mark()
        daemon.start()
        daemon.wait_log(r"circuits are waited for \d+ ms, and measured for \d+ ms, by "
                        rf"{kept['total']} build times", SECONDS, since=mark)


class CountryTest(PoolTest):
    def test_exit_country(self):
        """Each exit in a country of its own, by a file of ours; whoever asks for one gets it or nothing."""
        countries = dict(zip(("de", "fr", "se"), net.exits))
        geoip = net.client_dir("geoip") / "geoip"
        lines = []
        for node in net.exits:
            number = int.from_bytes(bytes(int(part) for part in node.address.split(".")), "big")
            country = next(country for country, exit in countries.items() if exit is node)
            lines.append((number, f"{number},{number},{country.upper()}\n"))
        geoip.write_text("".join(line for _, line in sorted(lines)))
        daemon = self.start(f"GeoIPFile {geoip}\nGeoIPv6File {geoip}6\n")
        for _ in range(2):
            for country, node in countries.items():
                self.check_page(daemon, user=f"alice+exit={country}:")
                self.assertEqual(self.exit_of_last_stream(daemon), node, country)
        before = attachments(daemon.log_text())
        for user in ("alice+exit=jp:", "alice+exit=germany:", "+exit=:"):
            result = daemon.curl(net.web_url(), user=user, timeout=SECONDS)
            self.assertNotEqual(result.returncode, 0, user)
        self.assertEqual(attachments(daemon.log_text()), before)


class DormantTest(PoolTest):
    def test_sleeps_and_wakes(self):
        daemon = self.start()
        controller = self.connect(daemon)
        self.check_page(daemon)
        self.assertEqual(controller.get_info("dormant"), "0")
        controller.signal("DORMANT")
        self.assertEqual(controller.get_info("dormant"), "1")
        wait_until(lambda: not controller.get_circuits() and not controller.get_info("orconn-status"), SECONDS,
                   "an end of circuits and channels")
        moved = controller.get_info("traffic/read"), controller.get_info("traffic/written")
        controller.close()

        # It does nothing at all for as long as awake it would have built and padded much.
        def rests():
            before = daemon.context_switches().voluntary
            try:
                wait_until(lambda: daemon.context_switches().voluntary > before, 8, "any turn of the loop")
            except TimeoutError:
                return True
            return False
        wait_until(rests, 60, "rest")
        controller = self.connect(daemon)
        self.assertEqual((controller.get_info("traffic/read"), controller.get_info("traffic/written")), moved)
        # A stream wakes it.
        self.check_page(daemon)
        self.assertEqual(controller.get_info("dormant"), "0")
        controller.signal("DORMANT")
        controller.close()
        self.assertEqual(daemon.stop(), 0)
        mark = daemon.log_mark()
        daemon.start()
        daemon.wait_log("Dormant, as at the end of the last run", SECONDS, since=mark)
        self.connect(daemon, mark).signal("ACTIVE")
        daemon.wait_log(r"Bootstrapped 100% ", SECONDS, since=mark)

    def test_first_start(self):
        daemon = self.enterContext(Cepad(net, torrc="DormantOnFirstStartup 1\n"))
        daemon.wait_log("by DormantOnFirstStartup", SECONDS)
        self.assertIsNone(re.search(r"Bootstrapped (5|1\d|2\d)%", daemon.log_text()))
        self.check_page(daemon)


class IdentityTest(PoolTest):
    def test_put_off(self):
        """The second new identity waits until ten seconds after the first, and is taken."""
        daemon = self.start("LearnCircuitBuildTimeout 0\n")
        controller = self.connect(daemon)
        events = queue.Queue()
        controller.add_event_listener(events.put, stem.control.EventType.SIGNAL)
        controller.signal("NEWNYM")
        first = events.get(timeout=SECONDS)
        controller.signal("NEWNYM")
        self.check_page(daemon)
        _, circuit = attachments(daemon.log_text())[-1]
        second = events.get(timeout=SECONDS)
        self.assertGreaterEqual(second.arrived_at - first.arrived_at, 9)
        self.check_page(daemon)
        self.assertNotEqual(attachments(daemon.log_text())[-1][1], circuit)


class LostExitTest(PoolTest):
    """The last of all: relays of C Tor do not connect again for a minute to one that was away, however soon it comes back."""

    def test_built_ahead_and_replaced(self):
        """A stream finds a circuit that is there; when its exit dies, the next one does too."""
        daemon = self.start("LearnCircuitBuildTimeout 0\n")
        controller = self.connect(daemon)

        def built():
            return {circuit.id for circuit in controller.get_circuits()
                    if circuit.status == "BUILT" and len(circuit.path) == 3}
        before = wait_until(lambda: len(built()) >= 2 and built(), SECONDS, "two circuits ahead of use")
        self.check_page(daemon)
        _, used = attachments(daemon.log_text())[-1]
        self.assertIn(str(used), before)
        wait_until(lambda: len(built() - {str(used)}) >= 2, SECONDS, "another in its place")
        node = self.exit_of_last_stream(daemon)
        self.addCleanup(lambda: node.alive or node.restart())
        node.kill()
        self.check_page(daemon)
        self.assertNotEqual(self.exit_of_last_stream(daemon), node)

    def test_tracked_exit(self):
        """TrackHostExits: the same exit for every stream to the host, whatever else keeps them apart."""
        daemon = self.start("TrackHostExits .cepa.test\n")
        url = net.web_url("/", "web.cepa.test")
        self.check_page(daemon, "first:", url)
        node = self.exit_of_last_stream(daemon)
        for number in range(6):
            self.check_page(daemon, f"user{number}:", url)
            self.assertEqual(self.exit_of_last_stream(daemon), node)
        used = {circuit for _, circuit in attachments(daemon.log_text())}
        self.assertEqual(len(used), 7)
        # It goes: then another one, which is kept from then on.
        self.addCleanup(lambda: node.alive or node.restart())
        node.kill()
        self.check_page(daemon, "second:", url)
        self.assertNotEqual(self.exit_of_last_stream(daemon), node)


if __name__ == "__main__":
    unittest.main()
