# SPDX-License-Identifier: BSD-3-Clause
# The made-up directory itself: what it is made of, and that both clients take it.

import collections
import hashlib
import pathlib
import re
import tempfile
import unittest

from tests.net import Cepad, TorClient
from tests.net.process import wait_until
from tests.scale import ENCODERS, DirectoryServer, SilentProxy, make_diff, make_directory
from tests.scale.weights import SCALE, compute_weights

N_RELAYS = 400
N_AUTHORITIES = 3
AT = 1_790_000_000
CEPA_ENOUGH = r"Bootstrapped 75% \(enough_dirinfo\)"
TOR_ENOUGH = r"We now have enough directory information to build circuits"
REFUSED = re.compile(r"\[(?:warn|err)\].*(?:consensus|microdesc|certificate|weight|parse|signature)|refused",
                     re.IGNORECASE)


def setUpModule():
    folder = tempfile.TemporaryDirectory(prefix="cepa-scale-keys-")
    unittest.addModuleCleanup(folder.cleanup)
    globals()["KEYS"] = pathlib.Path(folder.name)


def make(**options):
    return make_directory(**{"n_relays": N_RELAYS, "n_authorities": N_AUTHORITIES, "keys": KEYS, **options})


def patch(lines, commands):
    """Applies the commands, which go from the end to the start."""
    commands = iter(commands)
    for command in commands:
        first, last, what = re.fullmatch(r"(\d+)(?:,(\d+))?([acd])", command).groups()
        text = [] if what == "d" else list(iter(lambda: next(commands), "."))
        start = int(first) - (what != "a")
        lines[start:int(last or first)] = text
    return lines


class Documents(unittest.TestCase):
    def test_the_same_seed_makes_the_same_bytes(self):
        one, two, other = make(at=AT), make(at=AT), make(at=AT, seed=2)
        self.assertEqual(one.consensus(), two.consensus())
        self.assertEqual(one.microdescriptors(), two.microdescriptors())
        self.assertEqual(one.certificates(), two.certificates())
        self.assertEqual(one.next().consensus(), two.next().consensus())
        self.assertNotEqual(one.consensus(), other.consensus())

    def test_an_hour_changes_some_relays_and_many_weights(self):
        directory = make(n_relays=3000, at=AT)
        later = directory.next()
        before, after = ({relay.rsa_id: relay for relay in one.relays} for one in (directory, later))
        self.assertEqual(later.at, directory.at + 3600)
        self.assertTrue(0.002 < len(before.keys() - after.keys()) / 3000 < 0.02)
        self.assertTrue(0.002 < len(after.keys() - before.keys()) / 3000 < 0.02)
        moved = sum(before[name].bandwidth != after[name].bandwidth for name in before.keys() & after.keys())
        self.assertTrue(0.2 < moved / 3000 < 0.4)

    def test_a_diff_leads_from_one_to_the_other(self):
        """As a reader of limited ed diffs would apply it, who knows nothing of consensuses."""
        directory = make(at=AT)
        old, new = directory.consensus(), directory.next(2).consensus()
        version, hashes, *commands = make_diff(old, new).splitlines()
        self.assertEqual(version, "network-status-diff-version 1")
        self.assertEqual(hashes.split()[2], hashlib.sha3_256(new.encode()).hexdigest().upper())
        self.assertLess(len("\n".join(commands)), len(new) / 2)
        self.assertEqual("\n".join(patch(old.splitlines(), commands)) + "\n", new)

    def test_proportions(self):
        relays = make(n_relays=3000, at=AT).relays
        flags = collections.Counter(flag for relay in relays for flag in relay.flags)
        for flag, low, high in (("Guard", 0.35, 0.6), ("Exit", 0.15, 0.25), ("Fast", 0.9, 1), ("Stable", 0.75, 0.95),
                                ("BadExit", 0.002, 0.03), ("MiddleOnly", 0.002, 0.03)):
            self.assertTrue(low <= flags[flag] / len(relays) <= high, (flag, flags[flag]))
        self.assertEqual(flags["Authority"], N_AUTHORITIES)
        listed = sum(bool(relay.family) for relay in relays)
        by_id = sum(bool(relay.family_ids) for relay in relays)
        self.assertTrue(0.35 < listed / len(relays) < 0.6)
        self.assertTrue(0.1 < by_id / len(relays) < 0.35)
        exits = [relay for relay in relays if "Exit" in relay.flags]
        self.assertLess(len({relay.policy for relay in exits}), len(exits) / 2)
        self.assertTrue(0.4 < sum(bool(relay.ipv6) for relay in relays) / len(relays) < 0.7)


class Weights(unittest.TestCase):
    """The equations of dir-spec 3.8.3, one network for each of its cases."""

    CASES = {"plenty": (400, 100, 400, 100), "both scarce, rare": (100, 500, 50, 20),
             "both scarce": (250, 300, 260, 200), "both scarce, unbalanced": (150, 330, 140, 380),
             "guards scarce, few": (50, 300, 600, 40), "guards scarce": (200, 100, 500, 200),
             "exits scarce, few": (600, 200, 100, 60),
             "exits scarce": (500, 100, 200, 200)}

    def test_shares_are_whole(self):
        for name, (g, m, e, d) in self.CASES.items():
            with self.subTest(name):
                found = compute_weights(g * 1000, m * 1000, e * 1000, d * 1000)
                self.assertAlmostEqual(found["Wgg"] + found["Wmg"], SCALE, delta=2)
                self.assertAlmostEqual(found["Wee"] + found["Wme"], SCALE, delta=2)
                self.assertAlmostEqual(found["Wgd"] + found["Wmd"] + found["Wed"], SCALE, delta=2)
                self.assertTrue(all(0 <= value <= SCALE for value in found.values()), found)

    def test_guards_and_exits_are_in_balance(self):
        for name in ("plenty", "guards scarce", "exits scarce"):
            g, m, e, d = self.CASES[name]
            with self.subTest(name):
                found = compute_weights(g * 1000, m * 1000, e * 1000, d * 1000)
                guard = found["Wgg"] * g + found["Wgd"] * d
                middle = SCALE * m + found["Wmd"] * d + found["Wme"] * e + found["Wmg"] * g
                exit_ = found["Wee"] * e + found["Wed"] * d
                self.assertAlmostEqual(guard / SCALE, middle / SCALE, delta=2)
                self.assertAlmostEqual(guard / SCALE, exit_ / SCALE, delta=2)


class Clients(unittest.TestCase):
    def take(self, make_client, enough, torrc=""):
        directory = make()
        with SilentProxy() as proxy:
            client = make_client(None, torrc=directory.torrc(proxy.address) + torrc)
            directory.write(client.data_dir, full=True)
            with client:
                match = client.wait_log(enough, 30)
                self.assertEqual([line for line in client.log_text().splitlines() if REFUSED.search(line)], [])
        return match

    def test_tor_takes_it(self):
        self.take(TorClient, TOR_ENOUGH)

    def test_cepa_takes_it(self):
        self.take(Cepad, CEPA_ENOUGH)

    def test_cepa_fetches_it(self):
        """In every encoding; the documents are too long to be unpacked, or given to the table, in one turn."""
        directory = make().relisted(unlisted=["V2Dir"])
        for encoding in ENCODERS:
            with self.subTest(encoding), DirectoryServer(directory, encoding) as server, \
                    Cepad(None, torrc=server.torrc) as daemon:
                daemon.wait_log(CEPA_ENOUGH, 30)
                wait_until(lambda: sum(path.read_text("ascii").count("\nntor-onion-key ")
                                       for path in daemon.data_dir.glob("cached-microdescs*")) == N_RELAYS, 20,
                           "all microdescriptors in the cache")
                self.assertNotRegex(daemon.log_text(), r"refused|asking .* failed")

    def test_tor_takes_the_full_flavour(self):
        """All but the relays' own descriptors are there."""
        found = self.take(TorClient, r"need more descriptors: we have 0/(\d+)", "UseMicrodescriptors 0\n")
        self.assertGreater(int(found.group(1)), N_RELAYS * 0.9)


if __name__ == "__main__":
    unittest.main()
