# SPDX-License-Identifier: BSD-3-Clause
# A relay's side of the handshakes CREATE_FAST and ntor, and of the relay cipher tor1 (tor-spec: create-created-cells,
# routing-relay-cells).

import hashlib
import hmac
import os

from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.evil.keys import raw_public

BODY_LEN = 509
KEYS_LEN = 2 * 20 + 2 * 16
PROTOID = b"ntor-curve25519-sha256-1"


def kdf_tor(secret, size):
    """KDF-TOR: SHA-1 of the secret and a counter."""
    blocks = -(-size // 20)
    return b"".join(hashlib.sha1(secret + bytes((i,))).digest() for i in range(blocks))[:size]


def hkdf_sha256(secret, salt, info, size):
    """RFC 5869."""
    key = hmac.digest(salt, secret, "sha256")
    out, block = b"", b""
    for number in range(1, -(-size // 32) + 1):
        block = hmac.digest(key, block + info + bytes((number,)), "sha256")
        out += block
    return out[:size]


def answer_create_fast(x):
    """(body of CREATED_FAST, circuit keys) for the 20 bytes of CREATE_FAST."""
    y = os.urandom(20)
    material = kdf_tor(x + y, 20 + KEYS_LEN)
    return y + material[:20], material[20:]


def answer_ntor(keys, onionskin):
    """(HDATA of CREATED2, circuit keys) for a client's 84 bytes; None where they are for another relay."""
    node_id, key_id, client = onionskin[:20], onionskin[20:52], onionskin[52:84]
    if node_id != keys.rsa_id or key_id != keys.onion_public:
        return None
    own = x25519.X25519PrivateKey.generate()
    client_key = x25519.X25519PublicKey.from_public_bytes(client)
    secret = (own.exchange(client_key) + keys.onion.exchange(client_key) + node_id + key_id + client + raw_public(own)
              + PROTOID)
    verify = hmac.digest(PROTOID + b":verify", secret, "sha256")
    auth = hmac.digest(PROTOID + b":mac", verify + node_id + key_id + raw_public(own) + client + PROTOID + b"Server",
                       "sha256")
    return raw_public(own) + auth, hkdf_sha256(secret, PROTOID + b":key_extract", PROTOID + b":key_expand", KEYS_LEN)


class Tor1:
    """The state that a relay shares with a client: forward is from the client."""

    def __init__(self, keys):
        self._forward_digest = hashlib.sha1(keys[:20])
        self._backward_digest = hashlib.sha1(keys[20:40])
        self._forward = Cipher(algorithms.AES(keys[40:56]), modes.CTR(bytes(16))).encryptor()
        self._backward = Cipher(algorithms.AES(keys[56:72]), modes.CTR(bytes(16))).encryptor()

    def open(self, body):
        """(decrypted body, tag) of a cell from the client; the tag is None where the cell is not for us."""
        plain = self._forward.update(body)
        trial = self._forward_digest.copy()
        trial.update(plain[:5] + bytes(4) + plain[9:])
        if plain[1:3] != b"\0\0" or trial.digest()[:4] != plain[5:9]:
            return plain, None
        self._forward_digest = trial
        return plain, trial.digest()

    def seal(self, plain):
        """The cell's body for a message of ours, its digest still zero."""
        assert len(plain) == BODY_LEN
        self._backward_digest.update(plain)
        digest = self._backward_digest.digest()[:4]
        return self._backward.update(plain[:5] + digest + plain[9:])
