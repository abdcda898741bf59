# SPDX-License-Identifier: BSD-3-Clause
# A relay's keys and the certificates between them (tor-spec: negotiating-channels, cert-spec), good or spoilt.

import datetime
import hashlib
import struct
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.x509.oid import NameOID

CERT_RSA_ID, CERT_ED_SIGNING, CERT_ED_LINK, CERT_CROSS = 2, 4, 5, 7
KEY_ED25519, KEY_SHA256_OF_X509 = 1, 3
EXTENSION_SIGNING_KEY = 4
CROSS_PREFIX = b"Tor TLS RSA/Ed25519 cross-certificate"
HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS


def raw_public(key):
    """The 32 bytes of a Curve25519 or Ed25519 public key."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def rsa_public_der(key):
    """The PKCS #1 form, whose SHA-1 is a fingerprint."""
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)


def rsa_fingerprint(key):
    return hashlib.sha1(rsa_public_der(key)).digest()


def rsa_sign_digest(key, digest):
    """PKCS #1 v1.5 of the bare digest, without the DigestInfo that says which it is: Tor's way."""
    numbers = key.private_numbers()
    size = (key.key_size + 7) // 8
    padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    number = pow(int.from_bytes(padded, "big"), numbers.d, numbers.public_numbers.n)
    return number.to_bytes(size, "big")


def make_x509(key, name, seconds, issuer_key=None):
    """A certificate of `key` by `issuer_key` (itself when None) that ends `seconds` from now, in DER."""
    now = datetime.datetime.utcnow()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = now + datetime.timedelta(seconds=seconds)
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
               .serial_number(x509.random_serial_number())
               .not_valid_before(min(now, end) - datetime.timedelta(days=1)).not_valid_after(end))
    return builder.sign(issuer_key or key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def make_ed_cert(kind, key_type, key, signer, *, seconds=DAY_SECONDS, with_signer=False):
    """An Ed25519 certificate (cert-spec: ed-certs)."""
    body = bytes((1, kind)) + struct.pack("!I", int(time.time() + seconds) // HOUR_SECONDS) + bytes((key_type,)) + key
    if with_signer:
        body += bytes((1,)) + struct.pack("!HBB", 32, EXTENSION_SIGNING_KEY, 0) + raw_public(signer)
    else:
        body += bytes((0,))
    return body + signer.sign(body)


class Keys:
    """Identities and keys of one relay. `certs` makes the content of its CERTS cell."""

    def __init__(self):
        self.rsa = rsa.generate_private_key(65537, 1024)
        self.ed25519 = ed25519.Ed25519PrivateKey.generate()
        self.signing = ed25519.Ed25519PrivateKey.generate()
        self.onion = x25519.X25519PrivateKey.generate()
        self.tls = ec.generate_private_key(ec.SECP256R1())
        self.tls_certificate = make_x509(self.tls, "www.cepa.test", 365 * DAY_SECONDS)

    @property
    def rsa_id(self):
        return rsa_fingerprint(self.rsa)

    @property
    def fingerprint(self):
        return self.rsa_id.hex().upper()

    @property
    def ed25519_id(self):
        return raw_public(self.ed25519)

    @property
    def onion_public(self):
        return raw_public(self.onion)

    def tls_pem(self):
        """Certificate and key as ssl.SSLContext.load_cert_chain takes them from one file."""
        key = self.tls.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption())
        certificate = x509.load_der_x509_certificate(self.tls_certificate)
        return key + certificate.public_bytes(serialization.Encoding.PEM)

    def rsa_id_cert(self, seconds=365 * DAY_SECONDS, signer=None):
        return make_x509(self.rsa, "www.identity.test", seconds, signer)

    def ed_signing_cert(self, seconds=DAY_SECONDS, signer=None):
        return make_ed_cert(CERT_ED_SIGNING, KEY_ED25519, raw_public(self.signing), signer or self.ed25519,
                            seconds=seconds, with_signer=True)

    def ed_link_cert(self, seconds=DAY_SECONDS, signer=None, tls_certificate=None):
        digest = hashlib.sha256(tls_certificate or self.tls_certificate).digest()
        return make_ed_cert(CERT_ED_LINK, KEY_SHA256_OF_X509, digest, signer or self.signing, seconds=seconds)

    def cross_cert(self, seconds=DAY_SECONDS, signer=None):
        """The signature does not cover the byte that says its length."""
        signed = self.ed25519_id + struct.pack("!I", int(time.time() + seconds) // HOUR_SECONDS)
        signature = rsa_sign_digest(signer or self.rsa, hashlib.sha256(CROSS_PREFIX + signed).digest())
        return signed + bytes((len(signature),)) + signature

    def certs(self, **others):
        """A dict from the type to the certificate; `others` (rsa_id, ed_signing, ed_link, cross) take the
        place of good ones, None leaves one out."""
        made = {"rsa_id": self.rsa_id_cert, "ed_signing": self.ed_signing_cert, "ed_link": self.ed_link_cert,
                "cross": self.cross_cert}
        kinds = {"rsa_id": CERT_RSA_ID, "ed_signing": CERT_ED_SIGNING, "ed_link": CERT_ED_LINK, "cross": CERT_CROSS}
        found = {kinds[name]: others[name] if name in others else make() for name, make in made.items()}
        return {kind: cert for kind, cert in found.items() if cert is not None}
