# SPDX-License-Identifier: BSD-3-Clause
# Relays that break the rules of TCP, TLS and the link handshake. Each is the first directory that a daemon of its own
# asks; the daemon has to say what was wrong and to get the directory from the good authorities.

import contextlib
import os
import re
import struct
import unittest

from tests.evil import Directory, Documents, Keys, Link, Relay
from tests.evil import relay as wire
from tests.evil.keys import CERT_ED_LINK, CERT_ED_SIGNING, DAY_SECONDS, make_x509
from tests.evil.shared import FALLBACK_FIRST, network
from tests.net import Cepad
from tests.net.web import PAGE

# A silent relay is given up after 15 to 20 s; then comes the way by the authorities.
BOOTSTRAP_SECONDS = 60
# The identity certificate is believed for two days beyond its end, because many clocks are wrong.
LONG_AGO = -10 * DAY_SECONDS

MODULE = contextlib.ExitStack()
net = None
stranger = None


def setUpModule():
    global net, stranger
    net = network()
    stranger = Keys()
    SlowTest.started = CaseTest().start(MODULE, SLOW_CASES)


def tearDownModule():
    MODULE.close()


class Silent(Link):
    """Takes the connection, and says nothing."""

    def before_tls(self):
        self.wait_for_end()


class SilentBehindTls(Link):
    def handshake(self):
        self.wait_for_end()


class SilentBehindVersions(Link):
    def handshake(self):
        self.negotiate_version()
        self.wait_for_end()


class SilentOnceOpen(Link):
    """Opens the channel, and then answers no circuit."""

    def serve(self):
        self.wait_for_end()


class HangsUp(Link):
    def before_tls(self):
        raise wire.LinkClosed


class HangsUpBehindTls(Link):
    def handshake(self):
        raise wire.LinkClosed


class PlainGarbage(Link):
    """No TLS at all."""

    def before_tls(self):
        self.send(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n" + bytes(range(256)))
        self.wait_for_end()


class AlertThenNothing(Link):
    def before_tls(self):
        self.sock.recv(65536)
        self.send(b"\x15\x03\x03\x00\x02\x02\x28")  # fatal, handshake_failure
        self.wait_for_end()


class GarbageInsideTls(Link):
    def handshake(self):
        self.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(1000))
        self.wait_for_end()


class EndlessCell(Link):
    """The longest cell that there is, of a command that nobody knows."""

    def handshake(self):
        self.send(b"\0\0\xff\xff\xff" + b"\xff" * 65535)
        self.wait_for_end()


class EndlessCellCutShort(Link):
    """Announces more than it sends."""

    def handshake(self):
        self.negotiate_version()
        self.send(b"\0\0\0\0\x81\xff\xff" + os.urandom(40000))
        self.wait_for_end()


class NoVersionInCommon(Link):
    versions = (1, 2, 99)

    def handshake(self):
        self.negotiate_version()
        self.wait_for_end()


class OddVersions(Link):
    def handshake(self):
        self.read_cell()
        self.send_variable(wire.CELL_VERSIONS, b"\0\3\0\4\0")
        self.wait_for_end()


class SecondVersions(Link):
    def handshake(self):
        self.negotiate_version()
        self.send_versions()
        self.wait_for_end()


class NetinfoFirst(Link):
    def handshake(self):
        self.negotiate_version()
        self.send_netinfo()
        self.wait_for_end()


class ChallengeFirst(Link):
    def handshake(self):
        self.negotiate_version()
        self.send_challenge()
        self.wait_for_end()


class SecondCerts(Link):
    def handshake(self):
        self.negotiate_version()
        self.send_certs()
        self.send_certs()
        self.wait_for_end()


class SecondChallenge(Link):
    def handshake(self):
        self.negotiate_version()
        self.send_certs()
        self.send_challenge()
        self.send_challenge()
        self.wait_for_end()


class RelayCellFirst(Link):
    def handshake(self):
        self.negotiate_version()
        self.send_cell(1, wire.CELL_RELAY, os.urandom(509))
        self.wait_for_end()


class CertsThatEndTooSoon(Link):
    def handshake(self):
        self.negotiate_version()
        self.send_variable(wire.CELL_CERTS, struct.pack("!BBH", 1, CERT_ED_SIGNING, 5000) + b"short")
        self.wait_for_end()


class NetinfoThatEndsTooSoon(Link):
    def send_netinfo(self):
        self.send_cell(0, wire.CELL_NETINFO, b"\0\0\0\0\x04\x04\x7f\0\0\1\xff" + b"\x04\xff" * 240)
        self.wait_for_end()


class CertsOnceOpen(Link):
    def serve(self):
        self.read_cell()
        self.send_certs()
        self.wait_for_end()


class VersionsOnceOpen(Link):
    def serve(self):
        self.read_cell()
        self.send_versions()
        self.wait_for_end()


class CreateFromRelay(Link):
    """As if the client were a relay."""

    def serve(self):
        self.read_cell()
        self.send_cell(5, wire.CELL_CREATE_FAST, os.urandom(20))
        self.wait_for_end()


class WrongKeyHash(Link):
    """CREATED_FAST that does not prove that both have the same keys."""

    def on_cell(self, number, command, body):
        self.send_cell(number, wire.CELL_CREATED_FAST, os.urandom(40))


class UnaskedCreated2(Link):
    def on_cell(self, number, command, body):
        self.send_cell(number, wire.CELL_CREATED2, struct.pack("!H", 64) + os.urandom(64))


class RelayEarly(Link):
    """Which tells other relays on the path something, if clients let it pass."""

    def on_relay_cell(self, circuit, body):
        self.send_cell(circuit.number, wire.CELL_RELAY_EARLY, os.urandom(509))


class UnrecognisedCell(Link):
    def on_relay_cell(self, circuit, body):
        self.send_cell(circuit.number, wire.CELL_RELAY, os.urandom(509))


class DataUnasked(Link):
    def on_message(self, circuit, command, stream, data):
        circuit.send(wire.RELAY_DATA, stream, b"HTTP/1.0 200 OK\r\n\r\n")


class EmptyEnd(Link):
    def on_message(self, circuit, command, stream, data):
        circuit.send(wire.RELAY_END, stream)


class DestroysAll(Link):
    def on_cell(self, number, command, body):
        self.send_cell(number, wire.CELL_DESTROY, b"\x05")


class Flood(Link):
    """More than the windows allow, and without an end."""

    def on_data(self, circuit, stream, data):
        while True:
            circuit.send_data(stream, bytes(wire.MAX_DATA))


def spoilt(**make):
    """A link whose certificates are made anew by functions of the keys; None leaves one out."""
    class Spoilt(Link):
        def certs(self):
            return self.keys.certs(**{name: func and func(self.keys) for name, func in make.items()})
    return Spoilt


class ExtraCert(Link):
    """The same type twice: which one counts?"""

    def send_certs(self):
        certs = [*self.certs().items(), (CERT_ED_LINK, self.keys.ed_link_cert())]
        body = bytes((len(certs),)) + b"".join(struct.pack("!BH", kind, len(cert)) + cert for kind, cert in certs)
        self.send_variable(wire.CELL_CERTS, body)


RSA_CERT, SIGNING_CERT = r"RSA identity certificate \(type 2\): ", r"Ed25519 signing key certificate \(type 4\): "
LINK_CERT, CROSS_CERT = r"Ed25519 link certificate \(type 5\): ", r"cross-certificate \(type 7\): "

# What a relay does, and what the daemon says of it. {0} is where the relay's name is put.
CLOSES = r"channel to {0} closes: "
CERTS = CLOSES + "CERTS: "
FAILED = r"asking {0} failed: "
CASES = {
    "hangs up": (HangsUp, CLOSES + ".*the relay closed the connection"),
    "hangs up behind TLS": (HangsUpBehindTls, CLOSES + ".*the relay closed the connection"),
    "plain garbage": (PlainGarbage, CLOSES + "TLS handshake: "),
    "TLS alert": (AlertThenNothing, CLOSES + "TLS handshake: .*[Hh]andshake failed"),
    "garbage inside TLS": (GarbageInsideTls, CLOSES + r"cell with command \d+ at the wrong time"),
    "unknown endless cell": (EndlessCell, CLOSES + "cell with command 255 at the wrong time"),
    "no version in common": (NoVersionInCommon, CLOSES + "no link protocol in common"),
    "odd versions": (OddVersions, CLOSES + "no link protocol in common"),
    "second VERSIONS": (SecondVersions, CLOSES + "cell with command 7 at the wrong time"),
    "NETINFO first": (NetinfoFirst, CLOSES + "cell with command 8 at the wrong time"),
    "AUTH_CHALLENGE first": (ChallengeFirst, CLOSES + "cell with command 130 at the wrong time"),
    "second CERTS": (SecondCerts, CLOSES + "cell with command 129 at the wrong time"),
    "second AUTH_CHALLENGE": (SecondChallenge, CLOSES + "cell with command 130 at the wrong time"),
    "RELAY first": (RelayCellFirst, CLOSES + "cell with command 3 at the wrong time"),
    "CERTS cut short": (CertsThatEndTooSoon, CERTS + "a CERTS cell ends within its certificates"),
    "NETINFO cut short": (NetinfoThatEndsTooSoon, CLOSES + "a NETINFO cell ends within its addresses"),
    "CERTS on an open channel": (CertsOnceOpen, CLOSES + "cell with command 129 on an open channel"),
    "VERSIONS on an open channel": (VersionsOnceOpen, CLOSES + "cell with command 7 on an open channel"),
    "CREATE_FAST from a relay": (CreateFromRelay, CLOSES + "cell with command 5 on an open channel"),

    "RSA identity missing": (spoilt(rsa_id=None), CERTS + RSA_CERT + "the CERTS cell does not have it"),
    "signing key missing": (spoilt(ed_signing=None), CERTS + SIGNING_CERT + "the CERTS cell does not have it"),
    "link certificate missing": (spoilt(ed_link=None), CERTS + LINK_CERT + "the CERTS cell does not have it"),
    "cross-certificate missing": (spoilt(cross=None), CERTS + ".*" + CROSS_CERT + "the CERTS cell does not have it"),
    "a certificate twice": (ExtraCert, CERTS + LINK_CERT + "the CERTS cell has it twice"),
    "RSA identity expired": (spoilt(rsa_id=lambda keys: keys.rsa_id_cert(LONG_AGO)), CERTS + RSA_CERT + "it ended at"),
    "signing key expired": (spoilt(ed_signing=lambda keys: keys.ed_signing_cert(LONG_AGO)),
                            CERTS + SIGNING_CERT + "it ended at"),
    "link certificate expired": (spoilt(ed_link=lambda keys: keys.ed_link_cert(LONG_AGO)),
                                 CERTS + LINK_CERT + "it ended at"),
    "cross-certificate expired": (spoilt(cross=lambda keys: keys.cross_cert(LONG_AGO)),
                                  CERTS + ".*" + CROSS_CERT + "it ended at"),
    "RSA identity by another": (spoilt(rsa_id=lambda keys: keys.rsa_id_cert(signer=stranger.rsa)),
                                CERTS + RSA_CERT + "its key did not sign it"),
    "RSA identity of another": (spoilt(rsa_id=lambda keys: stranger.rsa_id_cert()), CERTS),
    "signing key by another": (spoilt(ed_signing=lambda keys: keys.ed_signing_cert(signer=stranger.ed25519)), CERTS),
    "link certificate by another": (spoilt(ed_link=lambda keys: keys.ed_link_cert(signer=stranger.signing)),
                                    CERTS + LINK_CERT + "its signature is wrong"),
    "link certificate of another link": (
        spoilt(ed_link=lambda keys: keys.ed_link_cert(tls_certificate=make_x509(stranger.tls, "x", DAY_SECONDS))),
        CERTS + LINK_CERT + "it is not for the TLS certificate of this link"),
    "cross-certificate by another": (spoilt(cross=lambda keys: keys.cross_cert(signer=stranger.rsa)),
                                     CERTS + ".*" + CROSS_CERT + "its signature is wrong"),
    "certificates that are noise": (spoilt(rsa_id=lambda keys: os.urandom(500)), CERTS + RSA_CERT),

    "wrong key hash": (WrongKeyHash, FAILED + "the relay's CREATED_FAST has a wrong key hash"),
    "CREATED2 for CREATE_FAST": (UnaskedCreated2, FAILED + "cell with command 11 where none was due"),
    "DESTROY": (DestroysAll, FAILED + "destroyed by the first relay: RESOURCELIMIT"),
    "RELAY_EARLY": (RelayEarly, r"closing circuit \d+.*: inbound RELAY_EARLY cell"),
    "unrecognised cell": (UnrecognisedCell, r"closing circuit \d+.*: relay cell that none of the hops sent"),
    "DATA before CONNECTED": (DataUnasked, r"closing circuit \d+.*: DATA before CONNECTED"),
    "empty END": (EmptyEnd, r"closing circuit \d+.*: END that cannot be read"),
    "flood": (Flood, FAILED + r"(answer that is not HTTP|answer over \d+ bytes|DATA beyond the (stream|circuit) window)"),
}
# These cost their deadlines.
SLOW_CASES = {
    "silent": (Silent, "{0}.*(took too long|does not answer)"),
    "silent behind TLS": (SilentBehindTls, "{0}.*(took too long|does not answer)"),
    "silent behind VERSIONS": (SilentBehindVersions, "{0}.*(took too long|does not answer)"),
    "silent once open": (SilentOnceOpen, "{0}.*does not answer"),
    "endless cell cut short": (EndlessCellCutShort, "{0}.*(took too long|does not answer)"),
}


class CaseTest(unittest.TestCase):
    """The base of tests that give each case a relay and a daemon of its own, all running at once."""

    def start(self, stack, cases):
        started = []
        for name, (link, pattern) in cases.items():
            relay = stack.enter_context(Relay(link, avoid=net))
            daemon = stack.enter_context(Cepad(net, torrc=relay.fallback_line + FALLBACK_FIRST))
            started.append((name, pattern.replace("{0}", re.escape(relay.name)), relay, daemon))
        return started

    def check_started(self, started):
        for case in started:
            with self.subTest(case[0]):
                self.check_case(*case[1:])

    def check(self, cases):
        with contextlib.ExitStack() as stack:
            self.check_started(self.start(stack, cases))

    def check_case(self, pattern, relay, daemon):
        daemon.wait_log(pattern, BOOTSTRAP_SECONDS)
        daemon.wait_bootstrapped(BOOTSTRAP_SECONDS)
        self.assertGreater(relay.n_links, 0)
        result = daemon.curl(net.web_url())
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)
        self.assertEqual(daemon.stop(), 0)


class LinkTest(CaseTest):
    def test_cases(self):
        # In parts: a daemon and a relay each, all at once, is much for a small machine.
        names = list(CASES)
        for start in range(0, len(names), 12):
            self.check({name: CASES[name] for name in names[start:start + 12]})

    def test_nobody_listens(self):
        with Relay(avoid=net) as relay:
            line, name = relay.fallback_line, relay.name
        with Cepad(net, torrc=line + FALLBACK_FIRST) as daemon:
            daemon.wait_bootstrapped()
            self.assertRegex(daemon.log_text(), rf"channel to {re.escape(name)} closes: connecting: .*: Connection refused")

    def test_other_identity_than_wanted(self):
        with Relay(avoid=net) as relay:
            line = relay.fallback_line.replace(relay.keys.fingerprint, stranger.fingerprint)
            with Cepad(net, torrc=line + FALLBACK_FIRST) as daemon:
                daemon.wait_bootstrapped()
                self.assertIn(f"it is {relay.keys.fingerprint.lower()}, but {stranger.fingerprint.lower()} was wanted",
                              daemon.log_text().lower())
                self.assertNotIn("channel to $" + stranger.fingerprint + f" at {relay.address}:{relay.port} is open",
                                 daemon.log_text())

    def test_each_version(self):
        """A good relay of each link protocol is used: what the others show is not that none would be."""
        for versions in ((3,), (4,), (5,), (3, 4), (4, 5, 99)):
            class Limited(Link):
                pass
            Limited.versions = versions
            directory = Directory(Documents(net))
            with self.subTest(versions=versions), Relay(Limited, directory, avoid=net) as relay:
                with Cepad(net, torrc=relay.fallback_line + FALLBACK_FIRST) as daemon:
                    daemon.wait_bootstrapped()
                    best = max(version for version in versions if version <= 5)
                    self.assertIn(f"channel to {relay.name} is open, link protocol {best}", daemon.log_text())
                    self.assertEqual(directory.asked[0][0], "consensus")

    def test_all_at_once(self):
        """One daemon that meets them all before it comes to a good one."""
        quick = ["hangs up", "plain garbage", "no version in common", "link certificate expired", "wrong key hash"]
        with contextlib.ExitStack() as stack:
            relays = [stack.enter_context(Relay(CASES[name][0], avoid=net)) for name in quick]
            daemon = stack.enter_context(Cepad(net, torrc="".join(relay.fallback_line for relay in relays) + FALLBACK_FIRST))
            daemon.wait_bootstrapped(BOOTSTRAP_SECONDS)
            self.assertTrue(all(relay.n_links for relay in relays))
            self.assertEqual(daemon.curl(net.web_url()).body.decode(), PAGE)


class SlowTest(CaseTest):
    """Cases that cost their deadlines; they were started first."""

    started = None

    def test_slow_cases(self):
        self.check_started(self.started)


if __name__ == "__main__":
    unittest.main()
