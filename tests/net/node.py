# SPDX-License-Identifier: BSD-3-Clause
# One C Tor process of the private network: its keys, its torrc, its life.

import os
import pathlib
import re
import secrets

from tests.net.process import Child, Log, ProcessDied, find_program, spawn

KEY_TIMEOUT_SECONDS = 120
START_TIMEOUT_SECONDS = 60
KEY_MONTHS = 12

ROLES = ("authority", "relay", "exit")

# A relay's summarised policy knows only what it lets go everywhere, so a policy of loopback alone would read
# as "no exit". It is the address bound to that keeps these exits from the world: from 127.0.0.0/8 nothing
# leaves the machine.
EXIT_POLICY = """\
ExitRelay 1
IPv6Exit 1
ExitPolicyRejectPrivate 0
ExitPolicy reject *:25
ExitPolicy accept *:*
OutboundBindAddressExit 127.0.0.1
OutboundBindAddressExit [::1]
"""


class Node(Child):
    """An authority, a relay that is no exit, or an exit."""

    def __init__(self, directory, nickname, role, address, or_port, dir_port=None):
        self.dir = pathlib.Path(directory)
        super().__init__(nickname, self.dir / "tor.log")
        self.nickname = nickname
        self.role = role
        self.address = address
        self.or_port = or_port
        self.dir_port = dir_port
        self.fingerprint = None  # 40 hexadecimal digits
        self.ed25519 = None      # base64 without padding
        self.v3ident = None      # of authorities: 40 hexadecimal digits
        self.data = self.dir / "data"
        self.torrc = self.dir / "torrc"

    def __repr__(self):
        return f"<Node {self.nickname} ({self.role}) {self.address}:{self.or_port} {self.fingerprint}>"

    # Keys: both steps start a process and return a function that waits for it, so that a network makes all
    # its keys at once.

    def make_authority_keys(self):
        """Has tor-gencert make the identity and signing key and the certificate; the returned function
        waits."""
        keys = self.data / "keys"
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        reading, writing = os.pipe()
        os.write(writing, secrets.token_hex(16).encode() + b"\n")
        os.close(writing)
        argv = [find_program("tor-gencert"), "--create-identity-key", "--passphrase-fd", str(reading),
                "-m", str(KEY_MONTHS), "-a", f"{self.address}:{self.dir_port}",
                "-i", keys / "authority_identity_key", "-s", keys / "authority_signing_key",
                "-c", keys / "authority_certificate"]
        finish = self._start_tool(argv, pass_fds=(reading,))
        os.close(reading)

        def wait():
            finish()
            text = (keys / "authority_certificate").read_text(encoding="ascii")
            self.v3ident = re.search(r"^fingerprint ([0-9A-F]{40})$", text, re.MULTILINE).group(1)
        return wait

    def make_relay_keys(self, defaults):
        """Has tor make the relay's identities; the returned function waits. `defaults` is an empty file that
        stands for the machine's own torrc."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        argv = [find_program("tor"), "--list-fingerprint", "--defaults-torrc", defaults, "-f", defaults,
                "--DataDirectory", self.data, "--Nickname", self.nickname, "--Address", self.address,
                "--ORPort", f"{self.address}:{self.or_port}", "--Log", "notice stdout",
                "--DirAuthority", "none orport=1 v3ident=" + "F" * 40 + " 127.0.0.1:1 " + "F" * 40]
        finish = self._start_tool(argv)

        def wait():
            finish()
            words = (self.data / "fingerprint").read_text(encoding="ascii").split()
            self.fingerprint = words[1].upper()
            self.ed25519 = (self.data / "fingerprint-ed25519").read_text(encoding="ascii").split()[1]
        return wait

    def _start_tool(self, argv, **options):
        output = self.dir / (pathlib.Path(argv[0]).name + ".out")
        with open(output, "wb") as file:
            process = spawn(argv, stdout=file, stderr=file, **options)

        def wait():
            if process.wait(KEY_TIMEOUT_SECONDS) != 0:
                raise ProcessDied(f"{argv[0]} for {self.nickname} ended with {process.returncode}:\n"
                                  + Log(output).tail())
        return wait

    # The process

    def write_torrc(self, *parts):
        """Writes the torrc: what every node has, then `parts`."""
        lines = [
            f"Nickname {self.nickname}",
            f"Address {self.address}",
            f"ORPort {self.address}:{self.or_port} IPv4Only",
            f"DataDirectory {self.data}",
            f"PidFile {self.dir / 'pid'}",
            "ContactInfo Cepa's tests <nobody@cepa.test>",
            "RunAsDaemon 0",
            "SocksPort 0",
            "Sandbox 0",
            "SafeLogging 0",
            "AssumeReachable 1",
            "ShutdownWaitLength 0",
            # Two threads for onion skins per relay would only be switched between on a small machine.
            "NumCPUs 1",
            "ServerDNSDetectHijacking 0",
        ]
        if self.dir_port is not None:
            lines.append(f"DirPort {self.address}:{self.dir_port} IPv4Only")
        text = "\n".join(lines) + "\n" + "".join(parts)
        if self.role == "exit":
            text += EXIT_POLICY
        else:
            text += "ExitRelay 0\nExitPolicy reject *:*\n"
        self.torrc.write_text(text, encoding="utf-8")

    def start(self):
        """Starts tor without waiting for it; `wait_listening` does."""
        defaults = self.dir / "defaults"
        defaults.touch()
        self.launch([find_program("tor"), "--defaults-torrc", defaults, "-f", self.torrc],
                    output_path=self.dir / "tor.out")

    def wait_listening(self, timeout=START_TIMEOUT_SECONDS):
        place = re.escape(f"{self.address}:{self.or_port}")
        self.wait_log(rf"Opened OR listener connection \(ready\) on {place}\b", timeout)

    def restart(self, timeout=START_TIMEOUT_SECONDS):
        """Stops the process if it runs, starts it with the same keys and ports, and waits until it
        listens."""
        if self.alive:
            self.stop()
        self.start()
        self.wait_listening(timeout)

    def reload(self, signal_number, timeout=START_TIMEOUT_SECONDS):
        """Has tor read its torrc again, and waits until it has."""
        mark = self.log_mark()
        self.process.send_signal(signal_number)
        self.wait_log(r"Received reload signal \(hup\)", timeout, since=mark)

    # What the node knows

    def read_data(self, name):
        """A file of the data directory as text, empty where there is none (yet)."""
        try:
            return (self.data / name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def consensus_text(self):
        """The microdescriptor consensus that this node has, or an empty text."""
        return self.read_data("cached-microdesc-consensus")

    def known_descriptors(self):
        """The set of fingerprints of relays whose server descriptors this node has."""
        text = self.read_data("cached-descriptors") + self.read_data("cached-descriptors.new")
        found = re.findall(r"^fingerprint ((?:[0-9A-F]{4} ?){10})$", text, re.MULTILINE)
        return {words.replace(" ", "") for words in found}

    def known_microdescs(self):
        """The microdescriptors that this node has: a dict from the relay's Ed25519 identity to the text."""
        text = self.read_data("cached-microdescs") + self.read_data("cached-microdescs.new")
        found = {}
        for part in re.split(r"^onion-key$", text, flags=re.MULTILINE)[1:]:
            identity = re.search(r"^id ed25519 (\S+)$", part, re.MULTILINE)
            if identity:
                found[identity.group(1)] = part
        return found


def wait_all(waits):
    """Calls each of the functions that the key steps returned."""
    for wait in waits:
        wait()
