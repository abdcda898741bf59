# SPDX-License-Identifier: BSD-3-Clause
# Directories that serve server descriptors which must not be believed, to a daemon that asks for such (UseMicrodescriptors 0).

import contextlib
import os
import re
import unittest
import zlib

from tests.evil import Directory, Relay, ServerDocuments
from tests.evil.directory import deflated, http
from tests.evil.shared import FALLBACK_FIRST, network
from tests.net import Cepad
from tests.net.web import PAGE

SECONDS = 60
net = None


def setUpModule():
    global net
    net = network()


def other_letter(letter):
    return "B" if letter == "A" else "A"


def changed_at(text, before):
    """Another letter behind `before`."""
    place = text.index(before) + len(before)
    return text[:place] + other_letter(text[place]) + text[place + 1:]


def signature_changed(text):
    """The digest that the consensus lists is not of it: it stays."""
    return changed_at(text, "router-signature\n-----BEGIN SIGNATURE-----\n")


def text_changed(text):
    return re.sub(r"^uptime .*$", "uptime 77", text, flags=re.MULTILINE)


def long_line(text):
    """Well formed, and longer than any may be."""
    return text.replace("\nrouter-sig-ed25519 ", "\ncontact-of-mine " + "A" * 100000 + "\nx " + "A" * 100000
                        + "\ny " + "A" * 100000 + "\nrouter-sig-ed25519 ")


UNLISTED = "its SHA-1 digest is not one that the consensus lists and we asked for"

# From the name to what becomes of each descriptor, and what is said of it.
EACH = {
    "signature": (signature_changed, "server descriptor of .*: not signed by its RSA identity"),
    "text": (text_changed, UNLISTED),
    "truncated": (lambda text: text[:len(text) // 2], "server descriptor of .*: "),
    "without its end": (lambda text: text[:text.index("router-signature\n")], "server descriptor of .*: "),
    "oversized": (long_line, "server descriptor of .*: more than 262144 bytes"),
}

# And to what becomes of the whole answer.
BODIES = {
    "noise": (lambda documents, body: deflated(os.urandom(5000)), "refused a server descriptor from {0}: "),
    "another's": (lambda documents, body: deflated(next(iter(documents.strangers)).encode("ascii")),
                  "refused a server descriptor from {0}: " + UNLISTED),
    "bomb": (lambda documents, body: http(zlib.compress(bytes(64 << 20), 9)), "asking {0} failed: answer grows "),
    "cut short": (lambda documents, body: http(body[:len(body) // 2], length=len(body)),
                  r"asking {0} failed: answer cut short: \d+ of \d+ bytes"),
    "not there": (lambda documents, body: http(b"", status="404 Not found"), "{0} answers 404 for /tor/server/d/"),
}


class ServerDescriptorsTest(unittest.TestCase):
    def start_case(self, stack, make):
        """(relay, daemon): a daemon that asks an evil directory first. make: from documents and body to the answer."""
        documents = ServerDocuments(net)
        listed = set(documents.descriptors)
        with_change = [text_changed(text) for text in documents.descriptors.values()]
        documents.strangers = [text for text in with_change if documents.digest(text) not in listed]
        directory = Directory(documents)
        directory.serve("descriptors", lambda path, request: [make(documents, documents.good("descriptors", path))])
        relay = stack.enter_context(Relay(directory=directory, avoid=net))
        return relay, stack.enter_context(Cepad(net, torrc=relay.fallback_line + FALLBACK_FIRST + "UseMicrodescriptors 0\n"))

    def check_all(self, cases):
        """All run at once: each says what is wrong, asks somebody else, and gets on."""
        with contextlib.ExitStack() as stack:
            started = [(name, reason, *self.start_case(stack, make)) for name, (make, reason) in cases.items()]
            for name, reason, relay, daemon in started:
                with self.subTest(name):
                    daemon.wait_log(reason.replace("{0}", re.escape(relay.name)), SECONDS)
                    daemon.wait_bootstrapped(SECONDS)
                    self.assertIn("descriptors", [kind for kind, _ in relay.directory.asked])
                    result = daemon.curl(net.web_url(), timeout=30)
                    self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)
                    kept = "".join(path.read_text(encoding="ascii")
                                   for path in daemon.data_dir.glob("cached-descriptors*"))
                    self.assertFalse(set(re.findall("^uptime 77$", kept, re.MULTILINE)))
                    self.assertEqual(daemon.stop(), 0)

    def test_descriptors(self):
        def whole(change):
            def make(documents, body):
                texts = documents.descriptors.values()
                asked = [text for text in texts if text.encode("ascii") in body]
                return deflated("".join(map(change, asked)).encode("ascii"))
            return make
        self.check_all({name: (whole(change), "refused a server descriptor from {0}: " + reason)
                        for name, (change, reason) in EACH.items()})

    def test_bodies(self):
        self.check_all(BODIES)


if __name__ == "__main__":
    unittest.main()
