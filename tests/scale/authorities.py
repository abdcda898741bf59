# SPDX-License-Identifier: BSD-3-Clause
# The authorities of a made-up directory. tor-gencert makes their keys.

import hashlib
import os
import pathlib
import subprocess

from cryptography.hazmat.primitives import serialization

from tests.evil.documents import Signer, pem, timestamp
from tests.evil.keys import rsa_fingerprint, rsa_public_der, rsa_sign_digest
from tests.net.process import find_program

PASSPHRASE = b"made-up"
DAY_SECONDS = 24 * 3600
PUBLISHED_BEFORE_SECONDS = 30 * DAY_SECONDS
LIFETIME_SECONDS = 365 * DAY_SECONDS


class Authority:
    """Keys of one; `relay` is its entry in the directory."""

    def __init__(self, relay, identity_key, signing_key):
        self.relay = relay
        self.identity_key = identity_key
        self.signing_key = signing_key
        self.v3ident = rsa_fingerprint(identity_key).hex().upper()
        self.signer = Signer(self.v3ident, signing_key)

    def certificate(self, at):
        """Its key certificate (dir-spec: creating key certificates), good around the time `at`."""
        published = at - PUBLISHED_BEFORE_SECONDS
        text = ("dir-key-certificate-version 3\n"
                f"fingerprint {self.v3ident}\n"
                f"dir-key-published {timestamp(published)}\ndir-key-expires {timestamp(published + LIFETIME_SECONDS)}\n"
                "dir-identity-key\n" + pem("RSA PUBLIC KEY", rsa_public_der(self.identity_key))
                + "dir-signing-key\n" + pem("RSA PUBLIC KEY", rsa_public_der(self.signing_key))
                + "dir-key-crosscert\n"
                + pem("ID SIGNATURE", rsa_sign_digest(self.signing_key, rsa_fingerprint(self.identity_key)))
                + "dir-key-certification\n")
        return text + pem("SIGNATURE", rsa_sign_digest(self.identity_key, hashlib.sha1(text.encode("ascii")).digest()))

    def torrc_line(self):
        return (f"DirAuthority {self.relay.nickname} orport={self.relay.or_port} v3ident={self.v3ident}"
                f" {self.relay.ipv4}:80 {self.relay.fingerprint}\n")

    def voter(self):
        """Its lines in a consensus."""
        one = self.relay
        return (f"dir-source {one.nickname} {self.v3ident} {one.ipv4} {one.ipv4} 80 {one.or_port}\n"
                f"contact made up for tests\nvote-digest {one.descriptor.hex().upper()}\n")


def make_keys(folder, n):
    """Pairs of identity and signing key. What is in `folder` already is taken as it is."""
    folder = pathlib.Path(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    tools = [_start_gencert(folder, number) for number in range(n) if not (folder / f"{number}.certificate").exists()]
    for tool in tools:
        said = tool.communicate()[0]
        if tool.returncode != 0:
            raise RuntimeError(f"tor-gencert failed: {said.strip()}")
    return [(_load(folder / f"{number}.identity", PASSPHRASE), _load(folder / f"{number}.signing", None))
            for number in range(n)]


def _start_gencert(folder, number):
    reading, writing = os.pipe()
    os.write(writing, PASSPHRASE + b"\n")
    os.close(writing)
    argv = [find_program("tor-gencert"), "--create-identity-key", "--passphrase-fd", str(reading), "-m", "12",
            "-i", folder / f"{number}.identity", "-s", folder / f"{number}.signing",
            "-c", folder / f"{number}.certificate"]
    try:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, pass_fds=(reading,))
    finally:
        os.close(reading)


def _load(path, passphrase):
    return serialization.load_pem_private_key(path.read_bytes(), passphrase)
