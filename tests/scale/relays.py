# SPDX-License-Identifier: BSD-3-Clause
# The relays of a made-up directory: who there is, and what an hour changes. Everything comes from one seed.

import dataclasses
import random

from cryptography.hazmat.primitives.asymmetric import ed25519, x25519

from tests.evil.documents import unpadded
from tests.evil.keys import raw_public

HOUR_SECONDS = 3600
# Shares are about those of the public network in 2026, of relays unless said.
REDUCED_POLICY = ("accept 20-23,43,53,79-81,88,110,143,194,220,389,443,464,531,543-544,554,563,636,706,749,873,902-904,"
                  "981,989-995,1194,1220,1293,1500,1533,1677,1723,1755,1863,2082-2083,2086-2087,2095-2096,2102-2104,"
                  "3128,3389,3690,4321,4643,5050,5190,5222-5223,5228,5900,6660-6669,6679,6697,8000,8008,8074,8080,"
                  "8082,8087-8088,8232-8233,8332-8333,8443,8888,9418,9999-10000,11371,19294,19638,50002,64738")
POLICIES = (("accept 20-23,43,53,79-81,88,110,143,194,220,443,464-465,531,543-544,554,563,587,636,706,749,853,873", 3),
            (REDUCED_POLICY, 30), ("reject 25", 18),
            ("reject 25,119,135-139,445,563,1214,4661-4666,6346-6429,6699,6881-6999", 15),
            ("accept 80,443", 10), ("accept 53,80,443", 6), ("accept 1-65535", 4), ("reject 25,465,587", 6),
            ("reject 22,25,465,587", 3), ("accept 53,80,443,5222-5223,8080", 3), ("reject 25,119,135-139,445", 2))
PROTOCOLS_47 = ("Cons=1-2 Desc=1-2 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 HSRend=1-2 Link=1-5 LinkAuth=1,3"
                " Microdesc=1-2 Padding=2 Relay=1-4")
PROTOCOLS_48 = "Conflux=1 " + PROTOCOLS_47
PROTOCOLS_49 = ("Conflux=1 Cons=1-2 Desc=1-4 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 HSRend=1-2 Link=3-5 LinkAuth=3"
                " Microdesc=1-3 Padding=2 Relay=2-6")
VERSIONS = (("Tor 0.4.8.21", PROTOCOLS_48, 30), ("Tor 0.4.9.11", PROTOCOLS_49, 25), ("Tor 0.4.8.22", PROTOCOLS_48, 18),
            ("Tor 0.4.8.10", PROTOCOLS_48, 9), ("Tor 0.4.8.19", PROTOCOLS_48, 7), ("Tor 0.4.9.9", PROTOCOLS_49, 6),
            ("Tor 0.4.7.16", PROTOCOLS_47, 3), ("Tor 0.5.0.1-alpha-dev", PROTOCOLS_49, 2))
# Sizes from, to, and of how many in a hundred families; families are of 55 % of the relays.
FAMILY_SIZES = ((2, 6, 70), (7, 30, 24), (31, 100, 5), (101, 300, 1))
IN_FAMILIES = 0.55
# Of addresses: without the ranges that are nobody's, or private in part.
FIRST_BYTES = [n for n in range(1, 224) if n not in (10, 100, 127, 169, 172, 192, 198, 203)]
OR_PORTS = ((9001, 40), (443, 35), (9000, 5), (8443, 5), (9002, 5), (0, 10))
WORDS = ("anon", "berlin", "cat", "delta", "exit", "fox", "guard", "hop", "iron", "jade", "kiwi", "lynx", "middle",
         "node", "onion", "private", "quartz", "relay", "snow", "tor", "vault", "wolf", "xenon", "yak", "zero")


@dataclasses.dataclass
class Relay:
    """What the directory says of one relay."""

    nickname: str
    rsa_id: bytes
    ed25519_id: bytes
    onion_key: bytes
    ipv4: str
    or_port: int
    ipv6: str  # with its port; empty without one
    version: str
    protocols: str
    bandwidth: int
    published: int
    flags: frozenset = frozenset()
    unmeasured: bool = False
    policy: str = ""
    policy6: str = ""
    family: tuple = ()  # the words of its line
    family_ids: tuple = ()
    descriptor: bytes = b""  # the digest of its server descriptor

    @property
    def fingerprint(self):
        return self.rsa_id.hex().upper()


def pick(rng, choices):
    """One of tuples that each end with their weight."""
    return rng.choices(choices, weights=[choice[-1] for choice in choices])[0]


class Population:
    """`relays` in ascending order of identity; those of `authorities`, the first that were made, stay."""

    def __init__(self, seed, n_relays, n_authorities, at):
        self._rng = random.Random(seed)
        self._hosters = [self._make_hoster() for _ in range(max(20, n_relays // 12))]
        self._hoster_weights = [1 / (rank + 4) for rank in range(len(self._hosters))]
        self.authorities = []
        made = [self._make_relay(at) for _ in range(n_relays)]
        for number, relay in enumerate(made[:n_authorities]):
            relay.nickname = f"authority{number}"
            relay.policy = relay.policy6 = ""
            relay.flags -= {"Exit", "BadExit", "MiddleOnly", "StaleDesc"}
            relay.flags |= {"Authority", "V2Dir", "Stable"}
            relay.bandwidth = 20
            self.authorities.append(relay)
        self._make_families(made[n_authorities:])
        self.relays = sorted(made, key=lambda relay: relay.rsa_id)

    # Making one

    def _make_hoster(self):
        """The first halves of a hoster's IPv4 networks, and the start of its IPv6 one."""
        rng = self._rng
        networks = [f"{rng.choice(FIRST_BYTES)}.{rng.randrange(256)}" for _ in range(rng.choice((1, 1, 2, 3, 6)))]
        return networks, f"2a{rng.randrange(16):02x}:{rng.randrange(1, 65536):x}"

    def _place(self, relay, hoster=None):
        rng = self._rng
        networks, prefix6 = hoster or rng.choices(self._hosters, weights=self._hoster_weights)[0]
        relay.ipv4 = f"{rng.choice(networks)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
        relay.or_port = pick(rng, OR_PORTS)[0] or rng.randrange(1024, 65536)
        relay.ipv6 = (f"[{prefix6}:{rng.randrange(65536):x}::{rng.randrange(1, 65536):x}]:{relay.or_port}"
                      if rng.random() < 0.6 else "")

    def _make_relay(self, at):
        rng = self._rng
        version, protocols, _ = pick(rng, VERSIONS)
        relay = Relay(
            nickname=self._make_nickname(), rsa_id=rng.randbytes(20),
            ed25519_id=raw_public(ed25519.Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))),
            onion_key=self._make_onion_key(), ipv4="", or_port=0, ipv6="", version=version, protocols=protocols,
            bandwidth=min(600_000, max(1, round(rng.lognormvariate(8.3, 1.5)))),
            published=at - rng.randrange(18 * HOUR_SECONDS), descriptor=rng.randbytes(20))
        self._place(relay)
        self._set_flags(relay)
        return relay

    def _make_nickname(self):
        rng = self._rng
        return "Unnamed" if rng.random() < 0.1 else f"{rng.choice(WORDS)}{rng.choice(WORDS)}{rng.randrange(1000)}"

    def _make_onion_key(self):
        return raw_public(x25519.X25519PrivateKey.from_private_bytes(self._rng.randbytes(32)))

    def _set_flags(self, relay):
        rng = self._rng
        flags = {"Running", "Valid"}
        relay.unmeasured = rng.random() < 0.02
        if relay.unmeasured:
            relay.bandwidth = min(relay.bandwidth, 20)
        if relay.bandwidth >= 100:
            flags.add("Fast")
        if rng.random() < 0.85:
            flags.add("Stable")
        if rng.random() < 0.92:
            flags.add("V2Dir")
        if {"Fast", "Stable", "V2Dir"} <= flags and rng.random() < 0.85:
            flags.add("HSDir")
        if rng.random() < 0.2:
            flags.add("Exit")
            relay.policy = self._make_policy()
            relay.policy6 = relay.policy if relay.ipv6 and rng.random() < 0.6 else ""
        if {"Fast", "Stable", "V2Dir"} <= flags and relay.bandwidth > 2500:
            if rng.random() < (0.4 if "Exit" in flags else 0.85):
                flags.add("Guard")
        if rng.random() < 0.01:
            flags -= {"Exit", "Guard", "HSDir", "V2Dir"}
            flags |= {"MiddleOnly", "BadExit"}
        elif "Exit" in flags and rng.random() < 0.005:
            flags.add("BadExit")
        flags |= {name for name, share in (("StaleDesc", 0.008), ("NoEdConsensus", 0.002)) if rng.random() < share}
        relay.flags = frozenset(flags)

    def _make_policy(self):
        """One of the usual ones, or one that hardly anybody else has."""
        rng = self._rng
        if rng.random() < 0.8:
            return pick(rng, POLICIES)[0]
        ports = sorted({80, 443, *(rng.randrange(1, 65535) for _ in range(rng.randrange(1, 12)))})
        return "accept " + ",".join(str(port) for port in ports)

    # Families

    def _make_families(self, relays):
        rng = self._rng
        order = relays[:]
        rng.shuffle(order)
        left = order[:int(len(order) * IN_FAMILIES)]
        while len(left) >= 2:
            low, high, _ = pick(rng, FAMILY_SIZES)
            size = min(rng.randint(low, high), len(left))
            self._make_family([left.pop() for _ in range(size)])

    def _make_family(self, members):
        rng = self._rng
        hoster = rng.choices(self._hosters, weights=self._hoster_weights)[0]
        kind = rng.choices(("lists", "both", "ids"), weights=(60, 30, 10))[0]
        identity = ("ed25519:" + unpadded(rng.randbytes(32)),)
        stale = [f"${rng.randbytes(20).hex().upper()}" for _ in range(rng.choice((0, 0, 0, 1, 3)))]
        forgetful = rng.choice(members) if rng.random() < 0.1 else None
        for relay in members:
            if rng.random() < 0.6:
                self._place(relay, hoster)
            if kind != "lists":
                relay.family_ids = identity
            if kind != "ids" and relay is not forgetful:
                words = {f"${other.fingerprint}" for other in members if other is not relay} | set(stale)
                relay.family = tuple(sorted(words))

    # An hour later

    def advance(self, at):
        """Relays come and go (1.5 %), weights of 30 % move a little, some change flags, addresses or keys."""
        rng = self._rng
        authorities = {relay.rsa_id for relay in self.authorities}
        kept = [relay if relay.rsa_id in authorities else self._age(relay, at)
                for relay in self.relays if relay.rsa_id in authorities or rng.random() >= 0.0075]
        kept += [self._make_relay(at) for _ in range(max(1, len(self.relays) * 75 // 10000))]
        self.relays = sorted(kept, key=lambda relay: relay.rsa_id)

    def _age(self, relay, at):
        """The relay as the next consensus has it: a copy where something changed."""
        rng = self._rng
        changes = {}
        if rng.random() < 0.3:
            changes["bandwidth"] = max(1, round(relay.bandwidth * rng.lognormvariate(0, 0.08)))
        if rng.random() < 0.015:
            changes["flags"] = relay.flags ^ {rng.choice(("Stable", "HSDir", "StaleDesc"))}
        if rng.random() < 0.004:
            changes["onion_key"] = self._make_onion_key()
        if rng.random() < 0.06:
            changes["published"] = at - rng.randrange(HOUR_SECONDS)
            changes["descriptor"] = rng.randbytes(20)
        return dataclasses.replace(relay, **changes) if changes else relay


