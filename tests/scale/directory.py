# SPDX-License-Identifier: BSD-3-Clause
# The documents of a made-up directory, as the authorities and caches of the public network give them.

import hashlib
import pathlib
import tempfile
import time

from tests.evil.documents import b64, pem, timestamp, unpadded
from tests.evil.keys import rsa_sign_digest
from tests.scale.authorities import DAY_SECONDS, Authority, make_keys
from tests.scale.relays import HOUR_SECONDS, Population
from tests.scale.weights import compute_weights, sum_classes

METHOD = 35
VERSIONS = "0.4.8.19,0.4.8.21,0.4.8.22,0.4.9.9,0.4.9.11"
RECOMMENDED = ("Cons=2 Desc=2 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4 HSRend=2 Link=4-5 {}Microdesc=2 Relay=2-4")
REQUIRED = "Cons=2 Desc=2 FlowCtrl=1 Link=4 {}Microdesc=2 Relay=2"
FLAGS = "Authority BadExit Exit Fast Guard HSDir MiddleOnly NoEdConsensus Running Stable StaleDesc Sybil V2Dir Valid"
# About those of the public network.
PARAMS = {
    "CircuitPriorityHalflifeMsec": 30000, "DoSCircuitCreationBurst": 60, "DoSCircuitCreationEnabled": 1,
    "DoSCircuitCreationMinConnections": 2, "DoSCircuitCreationRate": 2, "DoSConnectionEnabled": 1,
    "DoSConnectionMaxConcurrentCount": 50, "DoSRefuseSingleHopClientRendezvous": 1, "ExtendByEd25519ID": 1,
    "KISTSchedRunInterval": 3, "NumNTorsPerTAP": 100, "UseOptimisticData": 1, "bwauthpid": 1, "bwscanner_cc": 1,
    "cbttestfreq": 10, "cc_alg": 2, "cc_cwnd_full_gap": 4, "cc_cwnd_full_minpct": 25, "cc_cwnd_inc": 1,
    "cc_cwnd_inc_rate": 31, "cc_sscap_exit": 600, "cc_vegas_beta_onion": 7, "cfx_low_exit_threshold": 5000,
    "circ_max_cell_queue_size": 1250, "circ_max_cell_queue_size_out": 1000, "dos_num_circ_max_outq": 5,
    "guard-n-primary-dir-guards-to-use": 2, "guard-n-primary-guards-to-use": 2, "hs_service_max_rdv_failures": 1,
    "hsdir_spread_store": 4, "nf_conntimeout_clients": 600, "nf_ito_high": 9500,
    "overload_onionskin_ntor_period_secs": 10800, "sendme_emit_min_version": 1,
}
NO_PUBLISHED = "2038-01-01 00:00:00"  # what the microdescriptor flavour says of all, as of method 33


class Directory:
    """One consensus and what belongs to it. Texts are str, pure ASCII. `relays` are relays.Relay, in the consensus'
    order; `at` is when it became valid, in seconds since 1970."""

    def __init__(self, population, authorities, at, unlisted=frozenset()):
        self._population = population
        self._unlisted = unlisted
        self._texts = {}
        self.authorities = authorities
        self.at = at
        self.relays = list(population.relays)

    def next(self, hours=1):
        """The directory some hours later, with as many hours' changes. It can be asked for once: the made-up
        network has moved on then."""
        for hour in range(1, hours + 1):
            self._population.advance(self.at + hour * HOUR_SECONDS)
        return Directory(self._population, self.authorities, self.at + hours * HOUR_SECONDS, self._unlisted)

    def relisted(self, at=None, unlisted=()):
        """The same relays in another consensus: of another time, and with flags that it gives nobody."""
        other = Directory(self._population, self.authorities, self.at if at is None else at, frozenset(unlisted))
        other.relays = self.relays
        return other

    # Microdescriptors

    def microdescriptor(self, relay):
        lines = [f"onion-key\nntor-onion-key {unpadded(relay.onion_key)}"]
        if relay.family:
            lines.append("family " + " ".join(relay.family))
        if relay.family_ids:
            lines.append("family-ids " + " ".join(relay.family_ids))
        lines += [f"{keyword} {policy}" for keyword, policy in (("p", relay.policy), ("p6", relay.policy6)) if policy]
        lines.append(f"id ed25519 {unpadded(relay.ed25519_id)}")
        return "\n".join(lines) + "\n"

    def microdescriptors(self):
        """As the cache's file has them."""
        if "microdescriptors" not in self._texts:
            annotation = f"@last-listed {timestamp(self.at)}\n"
            self._texts["microdescriptors"] = "".join(annotation + self.microdescriptor(relay) for relay in self.relays)
        return self._texts["microdescriptors"]

    # Consensus

    def consensus(self, flavour="microdesc", signers=None):
        """`flavour` is "microdesc" or "ns"; signed by all authorities, or by the Authority objects in `signers`."""
        if ("body", flavour) not in self._texts:
            self._texts["body", flavour] = self._body(flavour)
        body = self._texts["body", flavour]
        name, word = (hashlib.sha256, "sha256 ") if flavour == "microdesc" else (hashlib.sha1, "")
        digest = name((body + "directory-signature ").encode("ascii")).digest()
        chosen = self.authorities if signers is None else signers
        return body + "".join(
            f"directory-signature {word}{one.v3ident} {one.signer.key_digest}\n"
            + pem("SIGNATURE", rsa_sign_digest(one.signing_key, digest)) for one in chosen)

    def _body(self, flavour):
        weights = compute_weights(*sum_classes(self.relays))
        entries = "".join(self._entry(relay, flavour) for relay in self.relays)
        line = " ".join(f"{name}={value}" for name, value in weights.items())
        return f"{self._header(flavour)}{entries}directory-footer\nbandwidth-weights {line}\n"

    def _header(self, flavour):
        params = " ".join(f"{name}={value}" for name, value in sorted(PARAMS.items()))
        days = (("previous", self.at // DAY_SECONDS - 1), ("current", self.at // DAY_SECONDS))
        randoms = "".join(f"shared-rand-{name}-value 9 {b64(hashlib.sha256(str(day).encode()).digest())}\n"
                          for name, day in days)
        voters = "".join(one.voter() for one in sorted(self.authorities, key=lambda one: one.v3ident))
        return (f"network-status-version 3{' microdesc' if flavour == 'microdesc' else ''}\nvote-status consensus\n"
                f"consensus-method {METHOD}\nvalid-after {timestamp(self.at)}\n"
                f"fresh-until {timestamp(self.at + HOUR_SECONDS)}\n"
                f"valid-until {timestamp(self.at + 3 * HOUR_SECONDS)}\n"
                f"voting-delay 300 300\nclient-versions {VERSIONS}\nserver-versions {VERSIONS}\nknown-flags {FLAGS}\n"
                f"recommended-client-protocols {RECOMMENDED.format('')}\n"
                f"recommended-relay-protocols {RECOMMENDED.format('LinkAuth=3 ')}\n"
                f"required-client-protocols {REQUIRED.format('')}\n"
                f"required-relay-protocols {REQUIRED.format('LinkAuth=3 ')}\n"
                f"params {params}\n{randoms}{voters}")

    def _entry(self, relay, flavour):
        is_full = flavour == "ns"
        published = timestamp(relay.published) if is_full else NO_PUBLISHED
        descriptor = f"{unpadded(relay.descriptor)} " if is_full else ""
        name = f"{relay.nickname} {unpadded(relay.rsa_id)}"
        lines = [f"r {name} {descriptor}{published} {relay.ipv4} {relay.or_port} 0"]
        if relay.ipv6:
            lines.append(f"a {relay.ipv6}")
        if not is_full:
            lines.append(f"m {unpadded(hashlib.sha256(self.microdescriptor(relay).encode('ascii')).digest())}")
        lines += [f"s {' '.join(sorted(relay.flags - self._unlisted))}", f"v {relay.version}", f"pr {relay.protocols}",
                  f"w Bandwidth={relay.bandwidth}{' Unmeasured=1' if relay.unmeasured else ''}"]
        if is_full:
            lines.append(f"p {relay.policy or 'reject 1-65535'}")
        return "\n".join(lines) + "\n"

    # Files

    def certificates(self):
        return "".join(one.certificate(self.at) for one in self.authorities)

    def torrc(self, proxy="127.0.0.1:9"):
        """The authorities, and a proxy that is not there: nobody shall connect to addresses that are made up."""
        return "".join(one.torrc_line() for one in self.authorities) + f"Socks5Proxy {proxy}\n"

    def write(self, folder, full=False):
        """The files of a client's data directory, with the names of C Tor and Cepa; the full flavour on request."""
        folder = pathlib.Path(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        texts = {"cached-certs": self.certificates(), "cached-microdesc-consensus": self.consensus(),
                 "cached-microdescs": self.microdescriptors()}
        if full:
            texts["cached-consensus"] = self.consensus("ns")
        for name, text in texts.items():
            path = folder / name
            path.touch(mode=0o600)
            path.write_text(text, encoding="ascii")


def make_directory(n_relays=10_000, seed=1, at=None, n_authorities=9, keys=None):
    """A Directory whose consensus became valid at the last full hour before `at` (now), in seconds since 1970. The
    same arguments and keys make the same documents. `keys` is a folder that keeps the authorities' keys; without it
    they are new."""
    at = int(time.time() if at is None else at) // HOUR_SECONDS * HOUR_SECONDS
    population = Population(seed, n_relays, n_authorities, at)
    with tempfile.TemporaryDirectory(prefix="cepa-scale-") as folder:
        made = make_keys(keys or folder, n_authorities)
    authorities = [Authority(relay, *pair) for relay, pair in zip(population.authorities, made)]
    return Directory(population, authorities, at)
