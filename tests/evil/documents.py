# SPDX-License-Identifier: BSD-3-Clause
# The directory documents of a private network, and what can be made of them with its authorities' keys, or without.

import base64
import hashlib
import re
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.evil.keys import rsa_fingerprint, rsa_public_der, rsa_sign_digest

POLICY_ALL = "p accept 1-65535\n"
SERVER_DESCRIPTOR = re.compile(r"^router .*?^router-signature\n.*?^-----END SIGNATURE-----\n", re.MULTILINE | re.DOTALL)
MICRODESCRIPTOR_START = re.compile(r"^onion-key$", re.MULTILINE)


def b64(data):
    return base64.b64encode(data).decode("ascii")


def unpadded(data):
    return b64(data).rstrip("=")


def pem(name, data):
    text = b64(data)
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {name}-----", *lines, f"-----END {name}-----"]) + "\n"


def timestamp(seconds):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


class Signer:
    """Who signs a consensus: an authority's v3 identity, by name, and a signing key."""

    def __init__(self, identity, key, key_digest=None):
        self.identity = identity
        self.key = key
        self.key_digest = key_digest or rsa_fingerprint(key).hex().upper()

    def sign(self, digest):
        return (f"directory-signature sha256 {self.identity} {self.key_digest}\n"
                + pem("SIGNATURE", rsa_sign_digest(self.key, digest)))


def sign_consensus(body, signers):
    """The text whose footer is complete, with signatures (dir-spec: computing consensus, signing)."""
    digest = hashlib.sha256((body + "directory-signature ").encode("ascii")).digest()
    return body + "".join(signer.sign(digest) for signer in signers)


def forge_key_certificate(identity_key, signing_key, certifier=None, crosser=None, fingerprint=None):
    """A key certificate (dir-spec: creating key certificates) signed by `certifier` in place of the identity key,
    crosswise by `crosser` in place of the signing key."""
    text = ("dir-key-certificate-version 3\n"
            f"fingerprint {fingerprint or rsa_fingerprint(identity_key).hex().upper()}\n"
            f"dir-key-published {timestamp(time.time() - 3600)}\n"
            f"dir-key-expires {timestamp(time.time() + 30 * 24 * 3600)}\n"
            "dir-identity-key\n" + pem("RSA PUBLIC KEY", rsa_public_der(identity_key))
            + "dir-signing-key\n" + pem("RSA PUBLIC KEY", rsa_public_der(signing_key))
            + "dir-key-crosscert\n"
            + pem("ID SIGNATURE", rsa_sign_digest(crosser or signing_key, rsa_fingerprint(identity_key)))
            + "dir-key-certification\n")
    digest = hashlib.sha1(text.encode("ascii")).digest()
    return text + pem("SIGNATURE", rsa_sign_digest(certifier or identity_key, digest))


def sha3_hex(text):
    return hashlib.sha3_256(text.encode("ascii")).hexdigest().upper()


def consensus_diff(base, target, *, says_from=None, says_to=None):
    """From one consensus to another (dir-spec: limited ed diff format), every line changed. says_from, says_to: texts
    whose hashes it has in place of theirs."""
    signed = re.match(r".*?^directory-signature ", says_from or base, re.MULTILINE | re.DOTALL).group(0)
    return (f"network-status-diff-version 1\nhash {sha3_hex(signed)} {sha3_hex(says_to or target)}\n"
            f"1,{base.count(chr(10))}c\n{target}.\n")


def new_rsa_key():
    return rsa.generate_private_key(65537, 2048)


class Documents:
    """Of a running Network. `consensus` makes a new one; `current` is what `good` gives, at first what the
    authorities have made."""

    def __init__(self, net):
        self.net = net
        self.original = net.consensus_text()
        self.current = self.original
        self.signers = []
        self.certs = {}
        for node in net.authorities:
            folder = node.data / "keys"
            key = serialization.load_pem_private_key((folder / "authority_signing_key").read_bytes(), None)
            self.signers.append(Signer(node.v3ident, key))
            self.certs[node.v3ident] = (folder / "authority_certificate").read_text(encoding="ascii")
        texts = net.authorities[0].read_data("cached-microdescs") + net.authorities[0].read_data("cached-microdescs.new")
        self.microdescriptors = {}
        for text in MICRODESCRIPTOR_START.split(texts)[1:]:
            # Annotations begin the next one.
            self.add_microdescriptor("onion-key" + re.split(r"^@", text, flags=re.MULTILINE)[0])

    def add_microdescriptor(self, text):
        """Returns its digest, as a consensus has it."""
        digest = unpadded(hashlib.sha256(text.encode("ascii")).digest())
        self.microdescriptors[digest] = text
        return digest

    # What a good directory would answer

    def good(self, kind, path):
        if kind == "consensus":
            return self.current.encode("ascii")
        if kind == "certs":
            return "".join(self.certs.values()).encode("ascii")
        return "".join(self.wanted_microdescriptors(path)).encode("ascii")

    def wanted_microdescriptors(self, path):
        digests = path.removeprefix("/tor/micro/d/").removesuffix(".z").split("-")
        return [self.microdescriptors[digest] for digest in digests if digest in self.microdescriptors]

    # Consensuses

    def consensus(self, *, after=None, fresh=None, until=None, params=None, relays=(), without_v2dir=False, edit=None,
                  signers=None):
        """One like the authorities' but for: times in seconds since 1970; parameters added; `relays`, entries that
        `relay_entry` made; no other relay than these a V2Dir; `edit`, a function from text to text, before it is
        signed by `signers` (by all)."""
        head, _, rest = self.original.partition("\nr ")
        entries, footer = re.split(r"^directory-footer$", rest, flags=re.MULTILINE)
        entries = ["r " + entry for entry in entries.split("\nr ")]
        entries[-1] = entries[-1].rstrip("\n")
        footer = footer.partition("\ndirectory-signature ")[0]
        for name, value in (("valid-after", after), ("fresh-until", fresh), ("valid-until", until)):
            if value is not None:
                head = re.sub(rf"^{name} .*$", f"{name} {timestamp(value)}", head, flags=re.MULTILINE)
        if params:
            head = self._with_params(head, params)
        if without_v2dir:
            entries = [entry.replace(" V2Dir", "") for entry in entries]
        entries = sorted([*entries, *relays], key=lambda entry: base64.b64decode(entry.split()[2] + "="))
        body = head + "\n" + "\n".join(entries) + "\ndirectory-footer" + footer + "\n"
        if edit:
            body = edit(body)
        return sign_consensus(body, self.signers if signers is None else signers)

    @staticmethod
    def _with_params(head, params):
        found = re.search(r"^params (.*)$", head, re.MULTILINE)
        listed = dict(item.split("=") for item in found.group(1).split()) if found else {}
        listed.update({name: str(value) for name, value in params.items()})
        line = "params " + " ".join(f"{name}={value}" for name, value in sorted(listed.items()))
        if found:
            return head.replace(found.group(0), line)
        return re.sub(r"^(known-flags .*)$", rf"\1\n{line}", head, flags=re.MULTILINE)

    def relay_entry(self, relay, flags, policy=POLICY_ALL, ed25519_id=None, bandwidth=10000):
        """The entry of an evil relay, without the last line's end; its microdescriptor is added."""
        digest = self.add_microdescriptor(
            "onion-key\n" f"ntor-onion-key {b64(relay.keys.onion_public)}\n" + policy
            + f"id ed25519 {unpadded(ed25519_id or relay.keys.ed25519_id)}\n")
        versions = re.search(r"^v .*\npr .*$", self.original, re.MULTILINE).group(0)
        return (f"r {relay.nickname} {unpadded(relay.keys.rsa_id)} {timestamp(time.time())} {relay.address} {relay.port} 0\n"
                f"m {digest}\ns {' '.join(sorted(flags))}\n{versions}\nw Bandwidth={bandwidth}")


class ServerDocuments(Documents):
    """The same of the other flavour: the authorities' consensus of server descriptors, and these."""

    def __init__(self, net):
        super().__init__(net)
        authority = net.authorities[0]
        self.current = authority.read_data("cached-consensus")
        texts = authority.read_data("cached-descriptors") + authority.read_data("cached-descriptors.new")
        self.descriptors = {self.digest(text): text for text in SERVER_DESCRIPTOR.findall(texts)}

    @staticmethod
    def digest(text):
        """Of all but the signature by the RSA identity."""
        signed = text[:text.index("router-signature\n") + len("router-signature\n")]
        return hashlib.sha1(signed.encode("ascii")).hexdigest().upper()

    def good(self, kind, path):
        if kind == "descriptors":
            return "".join(self.wanted_descriptors(path)).encode("ascii")
        return super().good(kind, path)

    def wanted_descriptors(self, path):
        digests = path.removeprefix("/tor/server/d/").removesuffix(".z").split("+")
        return [self.descriptors[digest] for digest in digests if digest in self.descriptors]
