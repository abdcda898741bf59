# SPDX-License-Identifier: BSD-3-Clause
# A private Tor network of real C Tor processes on loopback, with a web and a name server behind its exits.

import math
import os
import pathlib
import random
import re
import shutil
import signal
import sys
import tempfile
import time

from tests.net.dns import NameServer
from tests.net.node import Node, wait_all
from tests.net.process import Child, find_program, wait_until
from tests.net.web import BIG_NAME, BIG_SIZE, WebServer, free_port, ipv6_loopback

READY_TIMEOUT_SECONDS = 120
CONSENSUS_TIMEOUT_SECONDS = 90
ONION_TIMEOUT_SECONDS = 120

# The least that C Tor takes for each (MIN_VOTE_SECONDS_TESTING, MIN_DIST_SECONDS_TESTING in its dirvote.h).
VOTE_DELAY_SECONDS = 2
DIST_DELAY_SECONDS = 2
# From the decision to vote until the consensus; the first part is for every authority to read its new torrc.
VOTE_SECONDS = 1.5 + VOTE_DELAY_SECONDS + DIST_DELAY_SECONDS
# How long a relay may take to fetch the directory before it is asked again.
RETRY_SECONDS = 3

# What the authorities say that they measured, in kB/s. Themselves they always vote 0: they carry nothing.
MEASURED_KB = {"relay": 10000, "exit": 10000}

# The exits' policy (node.py) as their microdescriptors put it; 25 is the one port that they refuse.
EXIT_SUMMARY = "\np reject 25\n"

EXPECTED_FLAGS = {
    "authority": {"Authority", "HSDir", "Running", "Stable", "V2Dir", "Valid"},
    "relay": {"Fast", "Guard", "HSDir", "Running", "Stable", "V2Dir", "Valid"},
    "exit": {"Exit", "Fast", "HSDir", "Running", "Stable", "V2Dir", "Valid"},
}


class Network:
    """`with Network() as net:` has a ready network, and none of its processes is left behind it.

    voting_interval: seconds from one consensus to the next; must divide 30 minutes, and be 10 or more. A
        consensus is fresh for one interval and valid for three. Onion services' time periods are 24
        intervals.
    params: the consensus parameters from the start, a dict.
    family: the last two relays declare each other family (`net.family`).
    extra: lines to add to the torrc of every node of a role, or of one: a dict from "authority", "relay", "exit" or a
        nickname. They come before what an exit has, so that the policy there may begin with them.
    progress: called with a short text at each step of the start.
    keep_logs: after a failure the logs are kept, and where is printed.
    """

    def __init__(self, authorities=3, relays=4, exits=3, onion=False, voting_interval=20, params=None,
                 log_level="notice", family=True, extra=None, progress=None, keep_logs=True):
        if voting_interval < 10 or 1800 % voting_interval:
            raise ValueError(f"voting_interval {voting_interval} does not divide 30 minutes or is below 10 s")
        self._counts = {"authority": authorities, "relay": relays, "exit": exits}
        self._onion = onion
        self._family = family
        self._extra = extra or {}
        self._progress = progress or (lambda text: None)
        self._keep_logs = keep_logs
        self._offset = 0
        self._clients = []
        self.voting_interval = voting_interval
        self.params = dict(params or {})
        self.log_level = log_level
        self.dir = None
        self.nodes = []
        self.family = []
        self.web = None
        self.dns = None
        self.big_size = BIG_SIZE
        self.onion_address = None
        self.onion_process = None
        self.ready_seconds = None

    # Life

    def __enter__(self):
        began = time.monotonic()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="cepa-net-"))
        try:
            self._start()
        except BaseException as error:
            self._finish(error)
            raise
        self.ready_seconds = time.monotonic() - began
        return self

    def __exit__(self, kind, error, trace):
        self._finish(error)

    def _finish(self, error):
        """Ends everything; keeps the logs of a failure."""
        if self._keep_logs and isinstance(error, Exception):
            kept = pathlib.Path(tempfile.mkdtemp(prefix="cepa-net-logs-", dir=os.environ.get("CEPA_LOG_DIR")))
            self.collect_logs(kept)
            print(f"\nthe network's logs are kept in {kept}", file=sys.stderr)
        for child in [*self._clients, self.onion_process, *self.nodes, self.web]:
            if child:
                child.kill()
        if self.dns:
            self.dns.close()
        if os.environ.get("CEPA_KEEP") == "1":
            print(f"\nCEPA_KEEP=1: the network's files are kept in {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def _start(self):
        self._progress("starting the web server")
        self.web = WebServer(self.dir / "web")
        self.web.start()
        self._start_dns()
        self._progress("making the relays' keys")
        self._make_nodes()
        self._make_keys()
        self._schedule_vote(time.time() + self.voting_interval)
        self._write_torrcs()
        self._progress("starting the authorities")
        self._launch(self.authorities)
        self._progress("starting the relays")
        self._launch(self.relays + self.exits)
        self._progress("relays are announcing themselves to the authorities")
        fingerprints = {node.fingerprint for node in self.nodes}
        wait_until(lambda: all(a.known_descriptors() >= fingerprints for a in self.authorities),
                   READY_TIMEOUT_SECONDS, "every authority knowing every relay")
        self._progress("the authorities are voting")
        self.vote_now(lambda text: not self.consensus_faults(text))
        self._progress("relays are fetching the directory")
        self._spread_directory()
        self.web.wait_ready()
        if self._onion:
            self._progress("starting the onion service")
            self._start_onion()

    def _launch(self, nodes):
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait_listening()

    # What there is

    @property
    def authorities(self):
        return [node for node in self.nodes if node.role == "authority"]

    @property
    def relays(self):
        return [node for node in self.nodes if node.role == "relay"]

    @property
    def exits(self):
        return [node for node in self.nodes if node.role == "exit"]

    def node(self, key):
        """The node with this nickname or fingerprint; a leading `$` and a `~nickname` are let pass, so that
        what a log says can be handed in."""
        plain = key.lstrip("$").partition("~")[0]
        for node in self.nodes:
            if plain == node.nickname or plain.upper() == node.fingerprint:
                return node
        raise KeyError(f"no node {key}")

    @property
    def web_port(self):
        return self.web.port

    @property
    def big_sha256(self):
        return self.web.big_sha256

    @property
    def big_url(self):
        return self.web_url("/" + BIG_NAME)

    @property
    def slow_url(self):
        """The big file at web.SLOW_RATE."""
        return self.web_url("/slow/" + BIG_NAME)

    @property
    def upload_url(self):
        """Ends in a slash: add a file name and PUT; `uploaded` has the file."""
        return self.web_url("/upload/")

    def web_url(self, path="/", host="127.0.0.1"):
        """`host` may be one of the names of `net.dns`, `[::1]` or the onion address."""
        port = 80 if host.endswith(".onion") else self.web_port
        return f"http://{host}:{port}{path}"

    def uploaded(self, name):
        return self.web.uploaded(name)

    def add_client(self, client):
        """A client whose logs belong to this network's and that must end with it."""
        self._clients.append(client)

    def client_dir(self, name):
        """A new private folder for a client."""
        (self.dir / "clients").mkdir(exist_ok=True)
        return pathlib.Path(tempfile.mkdtemp(prefix=name + "-", dir=self.dir / "clients"))

    # torrcs

    def client_torrc(self):
        """The lines by which a client knows this network."""
        lines = ["TestingTorNetwork 1"]
        for node in self.authorities:
            lines.append(f"DirAuthority {node.nickname} orport={node.or_port} v3ident={node.v3ident}"
                         f" {node.address}:{node.dir_port} {node.fingerprint}")
        return "\n".join(lines) + "\n"

    def _authority_torrc(self):
        def fingerprints(nodes):
            return ",".join("$" + node.fingerprint for node in nodes)

        lines = [
            "AuthoritativeDirectory 1",
            "V3AuthoritativeDirectory 1",
            f"V3AuthVotingInterval {self.voting_interval} seconds",
            f"V3AuthVoteDelay {VOTE_DELAY_SECONDS} seconds",
            f"V3AuthDistDelay {DIST_DELAY_SECONDS} seconds",
            f"TestingV3AuthInitialVotingInterval {self.voting_interval} seconds",
            f"TestingV3AuthInitialVoteDelay {VOTE_DELAY_SECONDS} seconds",
            f"TestingV3AuthInitialDistDelay {DIST_DELAY_SECONDS} seconds",
            f"TestingV3AuthVotingStartOffset {self._offset} seconds",
            # The roles are given, not earned: there is no week to wait for uptimes.
            f"TestingDirAuthVoteGuard {fingerprints(self.relays)}",
            "TestingDirAuthVoteGuardIsStrict 1",
            f"TestingDirAuthVoteHSDir {fingerprints(self.nodes)}",
            f"V3BandwidthsFile {self.dir / 'bandwidths'}",
            "AuthDirTestReachability 0",
            # Who started a second later than the median would else not be Stable.
            "AuthDirVoteStableGuaranteeMinUptime 0",
            "AuthDirVoteStableGuaranteeMTBF 0",
        ]
        if self.exits:
            lines.append(f"TestingDirAuthVoteExit {fingerprints(self.exits)}")
            lines.append("TestingDirAuthVoteExitIsStrict 1")
        if self.params:
            lines.append("ConsensusParams " + " ".join(f"{k}={v}" for k, v in sorted(self.params.items())))
        return "\n".join(lines) + "\n"

    def _write_torrcs(self, nodes=None):
        for node in nodes or self.nodes:
            parts = [self.client_torrc(), f"Log {self.log_level} file {node.log_path}\n",
                     f"ServerDNSResolvConfFile {self.dir / 'resolv.conf'}\n",
                     "ServerDNSTestAddresses up.cepa.test\n"]
            if node.role == "authority":
                parts.append(self._authority_torrc())
            if node in self.family:
                parts.append("MyFamily " + ",".join("$" + n.fingerprint for n in self.family) + "\n")
            for key in (node.nickname, node.role):
                parts.append(self._extra.get(key, "").rstrip("\n") + "\n")
            node.write_torrc(*parts)

    def _write_bandwidths(self):
        """Measured bandwidths, in the format of bandwidth-file-spec 1.0.0."""
        lines = [str(int(time.time()))]
        for node in self.relays + self.exits:
            lines.append(f"node_id=${node.fingerprint} bw={MEASURED_KB[node.role]}")
        (self.dir / "bandwidths").write_text("\n".join(lines) + "\n", encoding="ascii")

    # The start, in steps

    def _make_nodes(self):
        octets = random.sample(range(1, 255), sum(self._counts.values()))
        names = {"authority": "auth", "relay": "relay", "exit": "exit"}
        for role, count in self._counts.items():
            for number in range(1, count + 1):
                address = f"127.{octets.pop()}.{random.randrange(256)}.{random.randrange(1, 255)}"
                or_port = free_port(address)
                dir_port = free_port(address) if role == "authority" else None
                nickname = f"{names[role]}{number}"
                directory = self.dir / "nodes" / nickname
                directory.mkdir(parents=True)
                self.nodes.append(Node(directory, nickname, role, address, or_port, dir_port))
        if self._family and len(self.relays) >= 2:
            self.family = self.relays[-2:]

    def _make_keys(self):
        defaults = self.dir / "empty"
        defaults.touch()
        wait_all([node.make_authority_keys() for node in self.authorities]
                 + [node.make_relay_keys(defaults) for node in self.nodes])
        self._write_bandwidths()

    def _start_dns(self):
        loopback = ["127.0.0.1"] + (["::1"] if ipv6_loopback() else [])
        # Exits ask for `up.` themselves, to see that names resolve at all; without it they would withdraw.
        self.dns = NameServer("127.0.0.1", {"web.cepa.test": loopback, "web4.cepa.test": ["127.0.0.1"],
                                            "web6.cepa.test": ["::1"], "up.cepa.test": ["127.0.0.1"],
                                            "silent.cepa.test": None})
        text = f"nameserver {self.dns.address}:{self.dns.port}\n"
        (self.dir / "resolv.conf").write_text(text, encoding="ascii")

    def _spread_directory(self):
        """Waits until all relays can serve the directory. They asked in vain before there was one and would
        now keep away for ten seconds and more; a reload makes them forget that."""
        without = [node for node in self.nodes if not self._has_directory(node)]
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while without:
            for node in without:
                node.process.send_signal(signal.SIGHUP)
            try:
                wait_until(lambda: all(self._has_directory(node) for node in without), RETRY_SECONDS,
                           "relays fetching the directory")
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"relays without the directory: {without}") from None
            without = [node for node in without if not self._has_directory(node)]

    def _has_directory(self, node):
        """Whether a node has the consensus and the microdescriptors, and by these exits let streams out."""
        if not node.consensus_text():
            return False
        microdescs = node.known_microdescs()
        return (all(other.ed25519 in microdescs for other in self.nodes)
                and all(EXIT_SUMMARY in microdescs[other.ed25519] for other in self.exits))

    def _start_onion(self):
        directory = self.dir / "onion"
        (directory / "data").mkdir(mode=0o700, parents=True)
        (directory / "torrc").write_text(
            self.client_torrc() + f"DataDirectory {directory / 'data'}\nSocksPort 0\nShutdownWaitLength 0\n"
            f"SafeLogging 0\nLog info file {directory / 'tor.log'}\n"
            f"HiddenServiceDir {directory / 'service'}\nHiddenServicePort 80 127.0.0.1:{self.web_port}\n",
            encoding="utf-8")
        self.onion_process = Child("onion", directory / "tor.log")
        self.onion_process.launch([find_program("tor"), "--defaults-torrc", self.dir / "empty",
                                   "-f", directory / "torrc"], output_path=directory / "tor.out")
        # Every relay here is an HSDir, so one accepted upload of each of the two descriptors is enough for
        # now; a client that asks another of them first goes on to the next.
        since = 0
        for _ in range(2):
            self.onion_process.wait_log(r"Uploading hidden service descriptor: finished with status 200",
                                        ONION_TIMEOUT_SECONDS, since=since)
            since = self.onion_process.log_mark()
        self.onion_address = (directory / "service/hostname").read_text(encoding="ascii").strip()

    # The consensus

    def consensus_text(self):
        """The microdescriptor consensus of the first authority that runs."""
        return self._live_authorities()[0].consensus_text()

    def consensus_faults(self, text):
        """What the consensus lacks of this network, a list of sentences."""
        if "\ndirectory-footer" not in text:
            return ["there is no complete consensus"]
        found = {}
        for entry in text.split("\nr ")[1:]:
            digest = re.search(r"^m (\S+)$", entry, re.MULTILINE)
            flags = re.search(r"^s (.*)$", entry, re.MULTILINE)
            found[entry.split()[0]] = (bool(digest), set(flags.group(1).split()) if flags else set())
        faults = []
        for node in self.nodes:
            digest, flags = found.get(node.nickname, (False, set()))
            missing = EXPECTED_FLAGS[node.role] - flags
            if not digest or missing:
                faults.append(f"{node.nickname}: microdescriptor {digest}, lacks {sorted(missing)}")
        return faults

    def set_params(self, params):
        """Adds to the consensus parameters (None takes one out), and waits until every authority that runs
        has a consensus with them."""
        for name, value in params.items():
            if value is None:
                self.params.pop(name, None)
            else:
                self.params[name] = value
        wanted = {name: None if value is None else str(value) for name, value in params.items()}

        def accept(text):
            # The authorities add parameters of their own (bwauthpid).
            line = re.search(r"^params (.*)$", text, re.MULTILINE)
            listed = dict(item.split("=") for item in line.group(1).split()) if line else {}
            return all(listed.get(name) == value for name, value in wanted.items())
        self.vote_now(accept)

    def vote_now(self, accept=lambda text: True):
        """Has the authorities vote at once rather than at the end of the interval, and waits until each that
        runs has a new consensus for which `accept(text)` is true. Votes again when one round failed."""
        deadline = time.monotonic() + CONSENSUS_TIMEOUT_SECONDS
        voters = self._live_authorities()
        while True:
            began = time.time()
            valid_after = self._schedule_vote(began + VOTE_SECONDS)
            self._write_torrcs(voters)
            for node in voters:
                node.process.send_signal(signal.SIGHUP)
            try:
                wait_until(lambda: all(valid_after_of(text) > began and accept(text)
                                       for text in [node.consensus_text() for node in voters]),
                           valid_after - time.time() + 3, "a new consensus")
                return
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise TimeoutError("no consensus as wanted; it lacks: "
                                       f"{self.consensus_faults(voters[0].consensus_text())}") from None

    def _schedule_vote(self, moment):
        """Moves the grid of voting times so that a consensus is due at `moment`, rounded up to a second. The
        interval divides a day, so seconds since 1970 and since midnight agree."""
        valid_after = math.ceil(moment)
        self._offset = valid_after % self.voting_interval
        return valid_after

    def _live_authorities(self):
        return [node for node in self.authorities if node.alive and not node.frozen]

    # Logs

    def collect_logs(self, destination):
        """Copies torrcs, logs and outputs of all processes, each into a folder of its own."""
        destination = pathlib.Path(destination)
        for path in self.dir.rglob("*"):
            if path.is_file() and (path.suffix in (".log", ".out", ".conf") or path.name == "torrc"):
                target = destination / path.relative_to(self.dir)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        return destination


def valid_after_of(consensus):
    """The valid-after time of a consensus, in seconds since 1970; 0 for a text that has none."""
    match = re.search(r"^valid-after (\S+ \S+)$", consensus, re.MULTILINE)
    if not match:
        return 0
    return time.mktime(time.strptime(match.group(1) + " UTC", "%Y-%m-%d %H:%M:%S %Z")) - time.timezone
