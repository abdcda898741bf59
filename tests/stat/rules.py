# SPDX-License-Identifier: BSD-3-Clause
# Made-up networks, and the rules of paths as path-spec and dir-spec have them, written apart from the daemon and the
# plugins.

import random

FLAGS = {"BadExit": 1 << 1, "Exit": 1 << 2, "Fast": 1 << 3, "Guard": 1 << 4, "MiddleOnly": 1 << 6, "Stable": 1 << 8,
         "Running": 1 << 10, "V2Dir": 1 << 11, "Valid": 1 << 12}
USUAL = {"Fast", "Stable", "Running", "Valid"}

GENERAL, INTERNAL = 0, 1
STABLE, IPV6, ANY_SUBNET, VANGUARDS = 1, 2, 4, 8
GUARD, MIDDLE, EXIT = 0, 1, 2
ANY = "*"

# Each class has another weight at each place, and none has 0.
WEIGHTS = {"Wbd": 500, "Wbe": 1500, "Wbg": 4000, "Wbm": 10000, "Wdb": 7000, "Web": 8000, "Wed": 5000, "Wee": 10000,
           "Weg": 6500, "Wem": 10000, "Wgb": 9000, "Wgd": 3000, "Wgg": 6000, "Wgm": 6000, "Wmb": 9500, "Wmd": 2000,
           "Wme": 1500, "Wmg": 4000, "Wmm": 10000}

WEB = {"p": ("accept", [(80, 80), (443, 443)]), "p6": ("accept", [(443, 443)])}
ALL_BUT_MAIL = {"p": ("reject", [(25, 25), (465, 465)]), "p6": ("reject", [(25, 25)])}
CHAT = {"p": ("accept", [(6660, 6669), (443, 443)])}


def fingerprint(row):
    """As tests/unit/support/test-consensus.c numbers its relays."""
    return f"CE{0:030X}{row:08X}"


class Relay:
    def __init__(self, flags=(), bandwidth=1000, ipv4=0, ipv6=None, policy=None, family=(), family_ids=(),
                 has_keys=True):
        self.flags = USUAL | set(flags)
        self.bandwidth, self.ipv4, self.ipv6, self.has_keys = bandwidth, ipv4, ipv6, has_keys
        self.policy = policy or {}
        self.family, self.family_ids = set(family), set(family_ids)

    def is_exit(self):
        return "Exit" in self.flags and "BadExit" not in self.flags

    def allows(self, port, ipv6):
        """dir-spec: "p", "p6": ports that are let through to most addresses. Port 0: any at all."""
        rule, ranges = self.policy.get("p6" if ipv6 else "p", ("reject", [(1, 65535)]))
        if port == 0:
            return rule == "accept" or ranges != [(1, 65535)]
        return any(low <= port <= high for low, high in ranges) == (rule == "accept")

    def line(self):
        ports = [f"{key} {rule} " + ",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in ranges)
                 for key, (rule, ranges) in self.policy.items()]
        text = []
        if self.family:
            text.append("family " + " ".join("$" + fingerprint(row) for row in sorted(self.family)))
        text += [part for part in ports if part.startswith("p ")]
        text += [part for part in ports if part.startswith("p6 ")]
        if self.family_ids:
            text.append("family-ids " + " ".join(sorted(self.family_ids)))
        return "\t".join(["relay", str(sum(FLAGS[flag] for flag in self.flags)), str(self.bandwidth), str(self.ipv4),
                          f"[{self.ipv6}]:9001" if self.ipv6 else "", "1" if self.has_keys else "0",
                          "".join(part + "|" for part in text)])


class Request:
    def __init__(self, name, purpose=GENERAL, hops=3, flags=0, port=443, guards=(), fixed=(), barred=None, excluded=()):
        self.name, self.purpose, self.hops, self.flags, self.port = name, purpose, hops, flags, port
        self.guards, self.fixed, self.barred, self.excluded = list(guards), list(fixed), barred or {}, set(excluded)

    def place(self, hop):
        if hop == self.hops - 1:
            return EXIT if self.purpose == GENERAL else MIDDLE
        return GUARD if hop == 0 else MIDDLE

    def line(self, draws, seed, n_relays):
        bars = [str(self.barred.get(row, 0)) for row in range(n_relays)] if self.barred else []
        words = ["request", self.name, draws, seed, self.purpose, self.hops, self.flags, self.port,
                 ",".join(map(str, self.guards)), ",".join(map(str, self.fixed)), ",".join(bars),
                 ",".join(map(str, sorted(self.excluded)))]
        return "\t".join(map(str, words))


class Network:
    def __init__(self, relays):
        self.relays = relays

    def lines(self):
        return ["weights\t" + " ".join(f"{key}={WEIGHTS[key]}" for key in sorted(WEIGHTS))] + [
            relay.line() for relay in self.relays]

    def weight(self, row, place):
        """The consensus weight of a relay at a place (dir-spec: "bandwidth-weights")."""
        relay = self.relays[row]
        kind = ("m", "e", "g", "d")[relay.is_exit() + 2 * ("Guard" in relay.flags)]
        weight = relay.bandwidth * WEIGHTS["W" + "gme"[place] + kind]
        if "V2Dir" in relay.flags:
            weight *= WEIGHTS["W" + kind + "b"] / 10000
        return weight

    def may_stand(self, request, hop, row):
        relay, place = self.relays[row], request.place(hop)
        is_first, is_last = hop == 0, hop == request.hops - 1
        needs = {"Running", "Valid"}
        needs |= {"Fast"} if request.purpose == GENERAL else set()
        needs |= {"Stable"} if request.flags & STABLE else set()
        needs |= {"Guard"} if is_first and not is_last else set()
        if not needs <= relay.flags or not relay.has_keys or ((is_first or is_last) and "MiddleOnly" in relay.flags):
            return False
        if place == EXIT and not (relay.is_exit() and relay.allows(request.port, bool(request.flags & IPV6))):
            return False
        if row in request.excluded or request.barred.get(row, 0) >> place & 1:
            return False
        if is_first and request.guards and row not in request.guards:
            return False
        return not request.fixed or request.fixed[hop] in (ANY, row)

    def same_family(self, a, b):
        x, y = self.relays[a], self.relays[b]
        return (b in x.family and a in y.family) or bool(x.family_ids & y.family_ids)

    def same_subnet(self, a, b):
        x, y = self.relays[a], self.relays[b]
        return x.ipv4 >> 16 == y.ipv4 >> 16 or (
            x.ipv6 is not None and y.ipv6 is not None and x.ipv6.split(":")[:2] == y.ipv6.split(":")[:2])

    def may_share(self, request, hop_a, a, hop_b, b):
        if request.flags & VANGUARDS:
            return a != b or abs(hop_a - hop_b) > 2
        return a != b and not self.same_family(a, b) and (
            bool(request.flags & ANY_SUBNET) or not self.same_subnet(a, b))


def small():
    """Few relays, of every kind, so that each whole path has a chance that can be worked out."""
    def at(network, host=1):
        return (10 << 24) + (network << 16) + host

    return Network([
        Relay({"Guard", "V2Dir"}, 900, at(0)),
        Relay({"Guard"}, 2500, at(1), family={3, 9}),
        Relay({"Guard", "Exit", "V2Dir"}, 1800, at(2), policy=WEB, ipv6="2001:db8:2::1"),
        Relay({"Exit"}, 1500, at(3), policy=ALL_BUT_MAIL, family={1}, ipv6="2001:db9:3::1"),
        Relay({"Exit", "V2Dir"}, 3000, at(4), policy=CHAT),
        Relay({"Exit"}, 700, at(0, 2), policy=WEB),                  # of the /16 of row 0
        Relay({"V2Dir"}, 2200, at(6), family_ids={"x:one", "x:two"}),
        Relay((), 1100, at(7), family_ids={"x:two"}),                # of the family of row 6
        Relay({"MiddleOnly"}, 4000, at(8)),
        Relay((), 1300, at(9), family={1, 2}, ipv6="2001:db8:9::1"),  # of the family of row 1, of the /32 of row 2
        Relay({"Exit", "BadExit"}, 5000, at(10), policy=ALL_BUT_MAIL),
        Relay({"Guard"}, 1700, at(11)),
    ])


def small_requests():
    return [
        Request("web"),
        Request("any-port", port=0),
        Request("chat", port=6667),
        Request("ipv6", flags=IPV6),
        Request("any-subnet", flags=ANY_SUBNET),
        Request("guards", guards=[11, 1, 0]),
        Request("settled-exit", hops=4, fixed=[ANY, ANY, ANY, 3]),
        Request("settled-middle", fixed=[ANY, 6, ANY]),
        Request("barred", barred={2: 1 << EXIT, 11: 1 << GUARD, 8: 1 << MIDDLE, 7: 7}),
        Request("excluded", excluded=[0, 3, 8]),
        Request("internal", purpose=INTERNAL),
        Request("vanguards", purpose=INTERNAL, hops=4, flags=VANGUARDS, guards=[1], fixed=[1, 2, ANY, ANY]),
    ]


def large(n_relays, seed=20260601):
    """The public network's proportions: a few relays have most of the bandwidth, a third have Guard, a sixth Exit; a
    third are in families of ten; three share a /16."""
    chance = random.Random(seed)
    relays = []
    for row in range(n_relays):
        flags = {flag for flag, share in (("Guard", 1 / 3), ("V2Dir", 0.8), ("MiddleOnly", 0.01))
                 if chance.random() < share}
        policy = None
        if chance.random() < 1 / 6:
            flags.add("Exit")
            policy = chance.choice([WEB, ALL_BUT_MAIL, CHAT])
            flags |= {"BadExit"} if chance.random() < 0.02 else set()
        relay = Relay(flags, int(100 + chance.expovariate(1 / 8000)),
                      (1 + chance.randrange(max(n_relays // 3, 1))) << 16 | row & 0xffff, policy=policy)
        relay.flags -= {"Stable"} if chance.random() < 0.1 else set()
        relay.flags -= {"Fast"} if chance.random() < 0.05 else set()
        relay.has_keys = chance.random() > 0.01
        if chance.random() < 0.4:
            relay.ipv6 = f"2001:{1 + chance.randrange(n_relays):x}::{row + 1:x}"
        kind = chance.random()
        first = row - row % 30
        if kind < 0.2:
            relay.family_ids = {f"x:kin{row // 30}"}
        elif kind < 0.5:
            relay.family = set(range(first + row % 3, min(first + 30, n_relays), 3)) - {row}
        relays.append(relay)
    return Network(relays)
