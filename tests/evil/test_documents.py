# SPDX-License-Identifier: BSD-3-Clause
# Directories that serve what must not be believed: to a daemon that starts, and to one that has a directory already.

import contextlib
import functools
import gzip
import lzma
import os
import re
import time
import unittest
import zlib

from tests.evil import Directory, Documents, Relay
from tests.evil.directory import deflated, http
from tests.evil.documents import Signer, consensus_diff, forge_key_certificate, new_rsa_key
from tests.evil.shared import FALLBACK_FIRST, network
from tests.net import Cepad, valid_after_of, wait_until
from tests.net.events import CONSENSUS_USED
from tests.net.web import PAGE

DAY_SECONDS = 24 * 3600
BOOTSTRAP_SECONDS = 60
REFUSED_SECONDS = 30
DIRECTORY_FLAGS = ["Fast", "Running", "Stable", "V2Dir", "Valid"]

MODULE = contextlib.ExitStack()
net = None
forger = None
other_key = None


def setUpModule():
    global net, forger, other_key
    net = network()
    forger, other_key = new_rsa_key(), new_rsa_key()
    SlowTest.started = DocumentTest().start_cases(MODULE, "consensus", SLOW)


def tearDownModule():
    MODULE.close()


# Well formed, and nobody's.
NOBODYS_MICRODESCRIPTOR = f"onion-key\nntor-onion-key {'B' * 42}A=\nid ed25519 {'B' * 42}A\n"


# Bodies that are no documents

def drip_from(relay, body):
    def answer(path, request):
        whole = http(body)
        yield whole[:-len(body)]
        for number in range(len(body)):
            yield body[number:number + 1]
            relay.pause(1)
    return answer


def stall_from(relay, body):
    """Half of it, and then nothing."""
    def answer(path, request):
        yield http(body)[:len(body) // 2]
        relay.pause(600)
    return answer


GIB = 1 << 30


def zstd_bomb():
    """A frame of blocks that each say 128 KiB of one byte (RFC 8878, RLE blocks)."""
    block = ((1 << 17) << 3 | 1 << 1).to_bytes(3, "little") + b"A"
    last = ((1 << 17) << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"A"
    return b"\x28\xb5\x2f\xfd\x00\x58" + block * ((GIB >> 17) - 1) + last


# Each a GiB when unpacked. Where a whole one takes long to make, it is of many streams.
BOMBS = {
    "deflate": lambda: zlib.compress(bytes(1 << 25), 9) * (GIB >> 25),
    "gzip": lambda: gzip.compress(bytes(1 << 25), 9) * (GIB >> 25),
    "x-zstd": zstd_bomb,
    "x-tor-lzma": lambda: lzma.compress(bytes(1 << 25), lzma.FORMAT_ALONE) * (GIB >> 25),
}
BURST = r"answer grows (to over 25 times its size|beyond \d+ bytes)"


@functools.cache
def bomb(encoding):
    data = BOMBS[encoding]()
    assert len(data) < 3 << 19
    return http(data, headers=f"Content-Encoding: {encoding}\r\n")


def cut_short(body):
    """Less than was announced."""
    return http(body[:len(body) // 2], length=len(body))


BODIES = {
    "cut short": (cut_short, r"answer cut short: \d+ of \d+ bytes"),
    "compressed, cut short": (lambda body: http(zlib.compress(body, 9)[:-100]), "compressed answer is cut short"),
    "compressed, damaged": (lambda body: http(zlib.compress(body, 9)[:200] + os.urandom(300)),
                            "compressed answer is (damaged|cut short)"),
    **{f"bomb, {encoding}": (lambda body, encoding=encoding: bomb(encoding), BURST) for encoding in BOMBS},
    # It comes without waiting for SENDMEs: what is unpacked a part each turn may not get as far.
    "no stream but a bomb, plain": (lambda body: http(b"A" * (33 << 20)),
                                    r"(answer (grows beyond|over) \d+ bytes|DATA beyond the stream window)"),
    "not HTTP": (lambda body: body, "answer that is not HTTP"),
    "nothing": (lambda body: b"", "answer that is not HTTP"),
    "another encoding": (lambda body: http(body, headers="Content-Encoding: br\r\n"),
                         "answer in an encoding that was not asked for"),
}


# Consensuses

def forged(documents):
    """Signed in the authorities' names by another key."""
    return documents.consensus(signers=[Signer(signer.identity, forger, signer.key_digest)
                                        for signer in documents.signers])


def forged_with_own_keys(documents):
    """As above, but honest about the key: its certificates are missing."""
    return documents.consensus(signers=[Signer(signer.identity, forger) for signer in documents.signers])


def too_few(documents):
    return documents.consensus(signers=documents.signers[:1])


def one_thrice(documents):
    return documents.consensus(signers=documents.signers[:1] * 3)


def strangers(documents):
    """Enough signatures, all good, of authorities that nobody configured."""
    return documents.consensus(signers=[Signer(f"{number:040X}", forger) for number in range(3)])


def changed_byte(documents):
    text = documents.consensus()
    place = text.index("\nr ") + 3
    return text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1:]


def signed_for_more(documents):
    """Relays behind what was signed."""
    text = documents.consensus()
    entry = re.search(r"^r .*\n(?:[ms] .*\n)+", text, re.MULTILINE).group(0)
    return text + entry


def expired(documents):
    now = time.time()
    return documents.consensus(after=now - 3 * DAY_SECONDS, fresh=now - 3 * DAY_SECONDS + 600,
                               until=now - 2 * DAY_SECONDS)


def from_the_future(documents):
    now = time.time()
    return documents.consensus(after=now + 2 * DAY_SECONDS, fresh=now + 2 * DAY_SECONDS + 600,
                               until=now + 3 * DAY_SECONDS)


def times_in_disorder(documents):
    now = time.time()
    return documents.consensus(after=now, fresh=now - 10, until=now + 600)


def other_flavour(documents):
    return documents.consensus(edit=lambda text: text.replace("network-status-version 3 microdesc",
                                                              "network-status-version 3"))


def vote(documents):
    return documents.consensus(edit=lambda text: text.replace("vote-status consensus", "vote-status vote"))


def unknown_method(documents):
    return documents.consensus(edit=lambda text: re.sub(r"consensus-method \d+", "consensus-method 99", text))


def relay_twice(documents):
    def edit(text):
        entry = re.search(r"^r .*\n(?:(?!r ).*\n)+?(?=r )", text, re.MULTILINE).group(0)
        return text.replace(entry, entry * 2)
    return documents.consensus(edit=edit)


def truncated(documents):
    text = documents.consensus()
    return text[:len(text) // 2]


def nothing_but_noise(documents):
    return "".join(chr(32 + byte % 90) for byte in os.urandom(3000))


CONSENSUSES = {
    "forged signatures": (forged, "0 good, 3 bad, 0 without key certificate of 3 authorities; 2 are needed"),
    "too few signatures": (too_few, "1 good, 0 bad, 0 without key certificate of 3 authorities; 2 are needed"),
    "one signature thrice": (one_thrice, "1 good, 0 bad, 0 without key certificate of 3 authorities; 2 are needed"),
    "signed by strangers": (strangers, "0 good, 0 bad, 0 without key certificate of 3 authorities; 2 are needed"),
    "changed byte": (changed_byte, "0 good, 3 bad, 0 without key certificate of 3 authorities; 2 are needed"),
    "text behind the signatures": (signed_for_more, r"line \d+: unsigned text behind the signatures"),
    "expired": (expired, r"valid until .*: expired more than 24 hours before our clock's"),
    "from the future": (from_the_future, r"valid after .*: from the future, more than 24 hours from our clock's"),
    "times in disorder": (times_in_disorder, "valid-after, fresh-until and valid-until are not in ascending order"),
    "another flavour": (other_flavour, "line 1: not of the microdescriptor flavour"),
    "vote": (vote, "a vote, not a consensus"),
    "unknown method": (unknown_method, "consensus method 99, of which"),
    "relay twice": (relay_twice, "listed twice"),
    "truncated": (truncated, r"consensus, line \d+: "),
    "noise": (nothing_but_noise, "consensus, line 1: "),
}


# Key certificates

def certificates(documents, **parts):
    """A forged one for each authority's name, or with parts of real ones."""
    return "".join(forge_key_certificate(forger, other_key, fingerprint=identity, **parts)
                   for identity in documents.certs)


def certified_by_another(documents):
    """Real ones whose last signature is another's."""
    def spoil(text):
        start = text.index("dir-key-certification\n") + len("dir-key-certification\n")
        return text[:start] + forge_key_certificate(forger, other_key).split("dir-key-certification\n")[1]
    return "".join(map(spoil, documents.certs.values()))


def changed_certificate(documents):
    """A key of our own in the place of the signing key."""
    own = re.search(r"dir-signing-key\n(.*?END RSA PUBLIC KEY-----\n)", forge_key_certificate(forger, other_key),
                    re.DOTALL).group(1)
    return "".join(re.sub(r"(dir-signing-key\n).*?END RSA PUBLIC KEY-----\n", lambda match: match.group(1) + own, text,
                          flags=re.DOTALL) for text in documents.certs.values())


CERTIFICATES = {
    "certified by another key": (certified_by_another, r"key certificate of \w+: not signed by its identity key"),
    "in another's name": (certificates, r"key certificate of \w+: \"fingerprint\" is not that of the identity key"),
    "changed signing key": (changed_certificate, r"key certificate of \w+: not signed by its identity key"),
    "not crossed": (lambda documents: forge_key_certificate(forger, other_key, crosser=forger),
                    r"key certificate of \w+: its signing key has not signed the identity key"),
    "truncated": (lambda documents: "".join(documents.certs.values())[:700], r"key certificate.*: "),
}


SLOW = {
    "stalls": (lambda documents, relay: stall_from(relay, documents.good("consensus", "")),
               "asking {0} failed: the directory server does not answer"),
    "drips": (lambda documents, relay: drip_from(relay, documents.good("consensus", "")), "asking {0} failed: "),
}


class DocumentTest(unittest.TestCase):
    def start_case(self, stack, kind, make):
        """(relay, daemon): a daemon that asks an evil directory first. make: a function from documents and relay
        to the answer."""
        documents = Documents(net)
        directory = Directory(documents)
        relay = stack.enter_context(Relay(directory=directory, avoid=net))
        directory.serve(kind, make(documents, relay))
        return relay, stack.enter_context(Cepad(net, torrc=relay.fallback_line + FALLBACK_FIRST))

    def start_cases(self, stack, kind, cases):
        """cases: a dict from the name to (make, pattern); {0} in the pattern is the directory."""
        return [(name, pattern, *self.start_case(stack, kind, make)) for name, (make, pattern) in cases.items()]

    def check_page(self, daemon):
        result = daemon.curl(net.web_url(), timeout=30)
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)

    def check_started(self, kind, started):
        for name, pattern, relay, daemon in started:
            with self.subTest(name):
                daemon.wait_log(pattern.replace("{0}", re.escape(relay.name)), BOOTSTRAP_SECONDS)
                daemon.wait_bootstrapped(BOOTSTRAP_SECONDS)
                self.assertIn(kind, [each for each, _ in relay.directory.asked])
                self.check_page(daemon)
                self.assertEqual(daemon.stop(), 0)

    def check_all(self, kind, cases):
        """All run at once."""
        with contextlib.ExitStack() as stack:
            self.check_started(kind, self.start_cases(stack, kind, cases))


class SlowTest(DocumentTest):
    """Half an answer and then silence; and an answer that never ends, a byte a second. They cost their deadlines, and
    were started first."""

    started = None

    def test_slow(self):
        self.check_started("consensus", self.started)


class ColdTest(DocumentTest):
    """The directory that a daemon asks first is evil: it has to say why it does not believe it, and to get on."""

    def test_consensus(self):
        self.check_all("consensus", {
            name: (lambda documents, relay, make=make: deflated(make(documents).encode("ascii")),
                   r"refused a consensus from {0}: .*" + reason)
            for name, (make, reason) in CONSENSUSES.items()})

    def test_consensus_of_keys_that_are_not_there(self):
        """The authorities' names, but keys that they never had, and so no certificates of them."""
        self.check_all("consensus", {"forged with own keys": (
            lambda documents, relay: deflated(forged_with_own_keys(documents).encode("ascii")), "{0}")})

    def test_certificates(self):
        self.check_all("certs", {
            name: (lambda documents, relay, make=make: deflated(make(documents).encode("ascii")),
                   r"refused a key certificate from {0}: " + reason)
            for name, (make, reason) in CERTIFICATES.items()})

    def test_microdescriptors(self):
        def changed(documents, relay):
            def change(text):
                start = text.index("ntor-onion-key ") + len("ntor-onion-key ")
                return text[:start] + ("B" if text[start] == "A" else "A") + text[start + 1:]
            return lambda path, request: [deflated("".join(
                map(change, documents.wanted_microdescriptors(path))).encode("ascii"))]

        def other(documents, relay):
            return deflated(NOBODYS_MICRODESCRIPTOR.encode("ascii"))
        unlisted = "refused a microdescriptor from {0}: its .*digest is not one that the consensus lists"
        self.check_all("microdescriptors", {"changed byte": (changed, unlisted), "another relay's": (other, unlisted),
                                            "noise": (lambda documents, relay: deflated(os.urandom(5000)),
                                                      "refused a microdescriptor from {0}: ")})

    def test_bodies(self):
        def maker(kind, make):
            return lambda documents, relay: lambda path, request: [make(documents.good(kind, path))]
        for kind in ("consensus", "certs", "microdescriptors"):
            self.check_all(kind, {f"{kind}: {name}": (maker(kind, make), "asking {0} failed: " + reason)
                                  for name, (make, reason) in BODIES.items()})

    def test_required_protocols(self):
        """The network asks for what this version does not have: it says what, and ends."""
        def edit(text):
            return re.sub(r"^(required-client-protocols .*)$", r"\1 Foo=1", text, flags=re.MULTILINE)
        with contextlib.ExitStack() as stack:
            relay, daemon = self.start_case(stack, "consensus", lambda documents, relay: deflated(
                documents.consensus(edit=edit).encode("ascii")))
            daemon.wait_log(r"requires protocols of clients that this version of Cepa does not have: Foo=1\.",
                            BOOTSTRAP_SECONDS)
            self.assertEqual(daemon.process.wait(10), 1)

    def test_status(self):
        self.check_all("consensus", {
            status: (lambda documents, relay, status=status: http(b"", status=status), f"{{0}} answers {status[:3]} for /tor/")
            for status in ("404 Not found", "503 Directory busy", "500 No", "302 Found")})


class WarmTest(DocumentTest):
    """A daemon has a directory, and from then on nobody but one evil directory to ask. Whatever that gives it, the
    last good one stays in use and in the cache; and good ones are still taken."""

    def setUp(self):
        self.documents = Documents(net)
        self.directory = Directory(self.documents)
        self.relay = self.enterContext(Relay(directory=self.directory, avoid=net))
        self.entry = self.documents.relay_entry(self.relay, DIRECTORY_FLAGS, policy="")
        # Times so far behind that the next consensus is due at once; a day late they are still used.
        self.after = int(time.time()) - 3600
        self.renew()
        self.daemon = self.enterContext(Cepad(None, torrc=self.torrc()))
        self.daemon.wait_bootstrapped()

    def torrc(self):
        """The real authorities' identities at the evil directory's address."""
        return "TestingTorNetwork 1\nUseEntryGuards 0\n" + "".join(
            f"DirAuthority {node.nickname} orport={self.relay.port} v3ident={node.v3ident}"
            f" {self.relay.address}:{self.relay.port} {self.relay.keys.fingerprint}\n" for node in net.authorities)

    def times(self):
        return {"after": self.after, "fresh": self.after + 1, "until": self.after + 2}

    def renew(self, **options):
        """The next good consensus, in which the evil directory is the only one."""
        self.after += 10
        self.documents.current = self.documents.consensus(**self.times(), relays=[self.entry], without_v2dir=True,
                                                          **options)

    def cached(self):
        files = ("cached-microdesc-consensus", "cached-certs")
        found = {name: (self.daemon.data_dir / name).read_bytes() for name in files}
        found["microdescs"] = sum(path.read_bytes().count(b"\nntor-onion-key ")
                                  for path in self.daemon.data_dir.glob("cached-microdescs*"))
        return found

    def wait_used(self, mark=0):
        """Until the present good consensus is used and written."""
        date = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self.after))
        self.daemon.wait_log(f"using the consensus of {date}", REFUSED_SECONDS, since=mark)

    def check_refused(self, kind, answer, pattern):
        before = self.cached()
        mark = self.daemon.log_mark()
        self.directory.serve(kind, answer)
        self.daemon.wait_log(pattern.replace("{0}", re.escape(self.relay.name)), REFUSED_SECONDS, since=mark)
        self.check_page(self.daemon)
        self.assertEqual(self.cached(), before)
        self.assertFalse(CONSENSUS_USED.search(self.daemon.log.text(mark)))
        self.check_recovers()

    def check_recovers(self):
        """A good consensus behind all that is taken, also into the cache."""
        mark = self.daemon.log_mark()
        self.renew()
        self.directory.serve("consensus", None)
        self.wait_used(mark)
        wait_until(lambda: valid_after_of(self.cached()["cached-microdesc-consensus"].decode()) == self.after, 5,
                   "the consensus in the cache")

    def test_consensus(self):
        self.wait_used()
        for name, (make, reason) in CONSENSUSES.items():
            with self.subTest(name):
                kept, self.documents.consensus = self.documents.consensus, self.as_newer(self.documents.consensus)
                text = make(self.documents)
                self.documents.consensus = kept
                self.check_refused("consensus", deflated(text.encode("ascii")),
                                   "refused a consensus from {0}: .*" + reason)
        self.check_restart()

    def as_newer(self, consensus):
        """Makes consensuses that would be taken were they good: newer than the one in use."""
        def make(**options):
            wanted = {"after": self.after + 5, "fresh": self.after + 6, "until": self.after + 7, **options}
            return consensus(relays=[self.entry], without_v2dir=True, **wanted)
        return make

    def check_restart(self):
        """What was kept is enough to start from."""
        self.assertEqual(self.daemon.stop(), 0)
        self.directory.serve("consensus", http(b"", status="503 Busy"))
        mark = self.daemon.log_mark()
        self.daemon.start()
        self.daemon.wait_bootstrapped()
        self.wait_used(mark)
        self.check_page(self.daemon)

    def test_an_older_consensus(self):
        """Good in itself, but older than the one in use: whoever replays it must not turn the clock back."""
        self.wait_used()
        old = self.documents.current
        self.check_recovers()
        before = self.cached()
        asked = self.directory.count("consensus")
        mark = self.daemon.log_mark()
        self.directory.serve("consensus", deflated(old.encode("ascii")))
        # The third request shows that the first answer has been dealt with.
        wait_until(lambda: self.directory.count("consensus") >= asked + 3, REFUSED_SECONDS, "three requests")
        self.assertFalse(CONSENSUS_USED.search(self.daemon.log.text(mark)))
        self.assertEqual(self.cached(), before)
        self.check_page(self.daemon)
        self.check_recovers()

    def test_bodies(self):
        self.wait_used()
        for name, (make, reason) in BODIES.items():
            with self.subTest(name):
                good = self.documents.good("consensus", "")
                self.check_refused("consensus", make(good), "asking {0} failed: " + reason)

    def test_microdescriptors(self):
        """The next consensus has a relay of which the directory gives anything but the microdescriptor."""
        self.wait_used()
        before = self.cached()["microdescs"]
        mark = self.daemon.log_mark()
        self.directory.serve("microdescriptors", deflated(NOBODYS_MICRODESCRIPTOR.encode("ascii")))
        with Relay(avoid=net) as newcomer:
            newcomer.nickname = "newcomer"
            entry = self.documents.relay_entry(newcomer, ["Fast", "Running", "Valid"], policy="")
            self.after += 10
            self.documents.current = self.documents.consensus(**self.times(), relays=[self.entry, entry],
                                                              without_v2dir=True)
            self.wait_used(mark)
            refused = f"refused a microdescriptor from {re.escape(self.relay.name)}: its .*digest is not one"
            self.daemon.wait_log(refused, REFUSED_SECONDS, since=mark)
            self.check_page(self.daemon)
            self.assertEqual(self.cached()["microdescs"], before)
            self.directory.serve("microdescriptors", bomb("deflate"))
            self.daemon.wait_log("asking .* failed: " + BURST, REFUSED_SECONDS, since=mark)
            self.check_page(self.daemon)
            # And the right one, when it comes, is taken.
            self.directory.serve("microdescriptors", None)
            wait_until(lambda: self.cached()["microdescs"] == before + 1, REFUSED_SECONDS,
                       "the microdescriptor in the cache")

    def test_diffs(self):
        """Those that were asked for, but are wrong: the next question is for the whole; and a good one is taken."""
        self.wait_used()
        newer = self.as_newer(self.documents.consensus)
        signers = [Signer(signer.identity, forger, signer.key_digest) for signer in self.documents.signers]
        cases = {
            "to another than it says": (lambda base: consensus_diff(base, newer(params={"circwindow": 321}), says_to=newer()),
                                        "diff "),
            "from another": (lambda base: consensus_diff(base, newer(), says_from=newer(params={"circwindow": 321})), "diff "),
            "to a forged one": (lambda base: consensus_diff(base, newer(signers=signers)), ""),
            "cut short": (lambda base: consensus_diff(base, newer())[:2000], "diff "),
            "noise": (lambda base: "network-status-diff-version 1\n" + "A" * 500, "diff "),
        }
        for name, (make, what) in cases.items():
            with self.subTest(name):
                before = self.cached()
                diff = make(self.documents.current)
                mark = self.daemon.log_mark()
                asked = []

                def answer(path, request, asked=asked, diff=diff):
                    asked.append("X-Or-Diff-From-Consensus: " in request)
                    return [deflated(diff.encode("ascii"))]
                self.directory.serve("consensus", answer)
                self.daemon.wait_log(f"refused a consensus {what}from {re.escape(self.relay.name)}: ", REFUSED_SECONDS,
                                     since=mark)
                wait_until(lambda asked=asked: len(asked) > 1, REFUSED_SECONDS, "the next question")
                self.assertEqual(asked[:2], [True, False])
                self.assertEqual(self.cached(), before)
                self.check_page(self.daemon)
                self.check_recovers()
        mark = self.daemon.log_mark()
        base = self.documents.current
        self.renew()
        self.directory.serve("consensus", deflated(consensus_diff(base, self.documents.current).encode("ascii")))
        self.wait_used(mark)
        self.daemon.wait_log("came as a diff of", REFUSED_SECONDS, since=mark)

    def test_clock(self):
        """An authority's date is far from ours, and then it is not."""
        self.wait_used()
        mark = self.daemon.log_mark()
        self.directory.serve("consensus", lambda path, request: [http(b"", status="503 Busy", ahead=2 * 3600)])
        self.daemon.wait_log(r"This computer's clock is (2 hours|1 hour 59 minutes)\b.* behind the directory server "
                             + re.escape(self.relay.name), REFUSED_SECONDS, since=mark)
        self.directory.serve("consensus", lambda path, request: [http(b"", status="503 Busy")])
        self.daemon.wait_log("it is right again", REFUSED_SECONDS, since=mark)
        self.assertEqual(len(re.findall("This computer's clock is", self.daemon.log.text(mark))), 1)
        self.check_page(self.daemon)
        self.check_recovers()

    def test_parameters_of_a_new_consensus(self):
        self.wait_used()
        mark = self.daemon.log_mark()
        self.renew(params={"circwindow": 123})
        self.wait_used(mark)
        self.assertEqual(valid_after_of(self.cached()["cached-microdesc-consensus"].decode()), self.after)
        self.assertIn(b"circwindow=123", self.cached()["cached-microdesc-consensus"])


if __name__ == "__main__":
    unittest.main()
