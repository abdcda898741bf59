# SPDX-License-Identifier: BSD-3-Clause
# cepa-sim over a signed, made-up directory of the public network's proportions: its shares by weight against those that are
# computed here from the documents, and draws against these.

import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from tests.scale import make_directory

AT = 1780315200
PATHS = 200000
PLACES = ("guard", "middle", "exit")
# dir-spec, "Computing bandwidth weights": for each place the weight of a relay that is neither guard nor exit, an exit, a
# guard, both; and what is left of it when it serves directories too.
WEIGHTS = {"guard": ("Wgm", "Wgm", "Wgg", "Wgd"), "middle": ("Wmm", "Wme", "Wmg", "Wmd"),
           "exit": ("Wem", "Wee", "Weg", "Wed")}
DIRECTORY_WEIGHTS = ("Wmb", "Web", "Wgb", "Wdb")


def lets_through(policy, port):
    """Whether the arguments of a "p" line let the port through."""
    verb, ports = policy.split()
    listed = any(int(low) <= port <= int(high or low)
                 for low, _, high in (entry.partition("-") for entry in ports.split(",")))
    return listed == (verb == "accept")


def read_policies(text):
    """By digest, as the consensus has it, the arguments of each microdescriptor's "p" line; None without one."""
    policies = {}
    for part in re.split(r"(?m)^(?=onion-key$)", re.sub(r"(?m)^@.*\n", "", text)):
        if part:
            found = re.search(r"(?m)^p (.*)$", part)
            digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode().rstrip("=")
            policies[digest] = found.group(1) if found else None
    return policies


def compute_shares(consensus, policies):
    """By place and fingerprint: the share by weight of every relay that may stand there in a path to port 443."""
    factors = dict(word.split("=") for word in re.search(r"(?m)^bandwidth-weights (.*)$", consensus).group(1).split())
    weights = {place: {} for place in PLACES}
    for entry in re.split(r"(?m)^(?=r )", consensus)[1:]:
        identity = base64.b64decode(entry.split()[2] + "=").hex().upper()
        flags = set(re.search(r"(?m)^s (.*)$", entry).group(1).split())
        bandwidth = int(re.search(r"(?m)^w Bandwidth=(\d+)", entry).group(1))
        policy = policies[re.search(r"(?m)^m (\S+)$", entry).group(1)]
        is_exit, is_guard = "Exit" in flags and "BadExit" not in flags, "Guard" in flags
        may = {"guard": is_guard, "middle": True, "exit": is_exit and policy is not None and lets_through(policy, 443)}
        kind = (1 if is_exit else 0) + (2 if is_guard else 0)
        for place in PLACES:
            if may[place] and "Fast" in flags and (place == "middle" or "MiddleOnly" not in flags):
                weight = bandwidth * int(factors[WEIGHTS[place][kind]])
                weights[place][identity] = weight * (int(factors[DIRECTORY_WEIGHTS[kind]]) if "V2Dir" in flags else 10000)
    return {place: {identity: weight / sum(own.values()) for identity, weight in own.items()}
            for place, own in weights.items()}


class MadeUpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="cepa-sim-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        directory = make_directory(n_relays=1200, seed=5, at=AT, n_authorities=2, keys=cls.folder / "keys")
        for name in ("data", "later"):
            (cls.folder / name).mkdir()
            directory.write(cls.folder / name)
            (cls.folder / "torrc").write_text(directory.torrc("127.0.0.1:9"))
            directory = directory.next(hours=1)
        consensus = (cls.folder / "data/cached-microdesc-consensus").read_text()
        cls.shares = compute_shares(consensus, read_policies((cls.folder / "data/cached-microdescs").read_text()))

    def simulate(self, *arguments):
        """The summary of a run, as a dict."""
        done = subprocess.run([os.environ["CEPA_SIM"], "paths", "--torrc", "torrc", "--quiet", "--summary", "o.json",
                               *arguments], capture_output=True, text=True, cwd=self.folder, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads((self.folder / "o.json").read_text())

    def test_shares_by_weight(self):
        summary = self.simulate("--paths", str(PATHS), "--no-guards", "data")
        relays = {relay["fingerprint"]: relay for relay in summary["relays"]}
        for place in PLACES:
            expected = {identity: share for identity, share in self.shares[place].items() if share > 0}
            # Weights have 32 bits: the least share is uncertain by a little.
            said = {identity: relay[f"{place}_by_weight"] / PATHS for identity, relay in relays.items()}
            self.assertGreater(len(expected), 100)
            for identity, share in said.items():
                self.assertAlmostEqual(share, expected.get(identity, 0), delta=1e-7, msg=f"{place} {identity}")
            self.assertAlmostEqual(sum(said.values()), 1, delta=1e-5)

    def test_draws(self):
        """Exits are drawn first: nothing but their weight decides. Five standard deviations, and one for nobody else."""
        summary = self.simulate("--paths", str(PATHS), "--no-guards", "data")
        for relay in summary["relays"]:
            share = self.shares["exit"].get(relay["fingerprint"], 0)
            self.assertLessEqual(abs(relay["exit"] - PATHS * share), 5 * (PATHS * share * (1 - share)) ** 0.5 + 1)

    def test_sequence(self):
        summary = self.simulate("--paths", "20000", "--clients", "50", "data", "later")
        self.assertEqual((summary["consensuses"], summary["paths"], summary["refused"]), (2, 20000, 0))
        self.assertLessEqual(summary["guards_of_a_client"]["most"], 6)


if __name__ == "__main__":
    unittest.main()
