# SPDX-License-Identifier: BSD-3-Clause
# Clients of a network: the daemon under test, Debian's C Tor with the same interface, and curl.

import collections
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import weakref

from tests.net.process import Child, Log, ProcessDied, find_program, spawn

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SOCKS_OPEN = r"Opened Socks listener connection \(ready\) on (?:127\.0\.0\.1|localhost):(\d+)"
START_TIMEOUT_SECONDS = 30


class Client(Child):
    """A client process with a torrc and a log of its own. `net` may be None: then there is no network's
    torrc, and the files are in a temporary folder.

    torrc: lines to add; a `SocksPort` line among them replaces the automatic one.
    data_dir: the DataDirectory, if it shall be kept or shared between runs.
    args: more arguments for the command line. env: variables to add to the environment (None takes one out).
    """

    word = "client"

    def __init__(self, net, *, binary=None, torrc="", data_dir=None, args=(), env=None):
        self.net = net
        if net:
            self.dir = net.client_dir(self.word)
            net.add_client(self)
        else:
            self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"cepa-{self.word}-"))
            weakref.finalize(self, shutil.rmtree, self.dir, True)
        super().__init__(self.word, self.dir / f"{self.word}.log")
        self.binary = pathlib.Path(binary) if binary else self.default_binary()
        self.data_dir = pathlib.Path(data_dir) if data_dir else self.dir / "data"
        self.torrc_path = self.dir / "torrc"
        self.output_path = self.dir / f"{self.word}.out"
        self._torrc = torrc
        self._args = tuple(args)
        # The sockets and the message bus of whoever runs the tests are not for these.
        self.runtime_dir = self.dir / "run"
        self._env = {"XDG_RUNTIME_DIR": str(self.runtime_dir), "DBUS_SESSION_BUS_ADDRESS": None, **(env or {})}
        self._socks_port = None

    @staticmethod
    def default_binary():
        raise NotImplementedError

    def command(self):
        """The command line that starts it."""
        return [self.binary, "-f", self.torrc_path, *self._args]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            self.kill()
            return
        status = self.stop()
        # A refusal to start (1) and a test's own SIGKILL are what some tests want. A crash, or what a sanitizer
        # found at the end, must not go unseen.
        if status not in (None, 0, 1, -signal.SIGKILL):
            raise ProcessDied(f"{self.name} ended with status {status}:\n{self.last_words()}")

    def start(self):
        """Writes the torrc and starts the process; waits for nothing."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.runtime_dir.mkdir(mode=0o700, exist_ok=True)
        own = [f"DataDirectory {self.data_dir}", f"Log info file {self.log_path}", "Log notice stdout"]
        if not re.search(r"^\s*SocksPort\b", self._torrc, re.MULTILINE | re.IGNORECASE):
            own.append("SocksPort 127.0.0.1:auto")
        base = self.net.client_torrc() if self.net else ""
        text = base + "\n".join(own) + "\n" + self._torrc.rstrip("\n") + "\n"
        self.torrc_path.write_text(text, encoding="utf-8")
        environment = {**os.environ, **self._env}
        self._socks_port = None
        self.launch(self.command(), output_path=self.output_path,
                    env={name: value for name, value in environment.items() if value is not None})

    def restart(self):
        """Stops the process if it runs and starts it again, with the same torrc and DataDirectory. The SOCKS
        port may be another."""
        if self.alive:
            self.stop()
        self.start()

    @property
    def socks_port(self):
        """The port of the first SOCKS listener, as the log tells it; waits for that line."""
        if self._socks_port is None:
            self._socks_port = int(self.wait_log(SOCKS_OPEN, START_TIMEOUT_SECONDS).group(1))
        return self._socks_port

    def wait_bootstrapped(self, timeout=60):
        self.wait_log(r"Bootstrapped 100% \(done\): Done", timeout)

    def curl(self, url, **options):
        """`curl` through this client."""
        return curl(self.socks_port, url, **options)

    def last_words(self):
        """A process that ended before it opened its log has said why on its output."""
        said = Log(self.output_path).tail(10)
        return f"{self.log.tail()}\n{self.binary} wrote:\n{said}" if said else self.log.tail()


class Cepad(Client):
    """The daemon under test: $CEPAD, or what was built in build/."""

    word = "cepad"

    @staticmethod
    def default_binary():
        return pathlib.Path(os.environ.get("CEPAD") or REPOSITORY / "build/daemon/cepad")


class TorClient(Client):
    """Debian's C Tor as a client, to compare with and to prove the network itself."""

    word = "tor"

    @staticmethod
    def default_binary():
        return pathlib.Path(find_program("tor"))

    def command(self):
        defaults = self.dir / "defaults"
        defaults.touch()
        return [self.binary, "--defaults-torrc", defaults, "-f", self.torrc_path, *self._args]


CurlNumbers = collections.namedtuple("CurlNumbers", "http_code seconds first_byte_seconds size")


class CurlResult:
    """What curl did: `returncode` (0 is success), `http_code`, `seconds`, `first_byte_seconds`, `size` in
    bytes, `error` (what it said), `path` (the body; the file lives as long as this object), `body`,
    `sha256`."""

    def __init__(self, returncode, numbers, error, path):
        self.returncode = returncode
        self.http_code, self.seconds, self.first_byte_seconds, self.size = numbers
        self.error = error
        self.path = path

    def __repr__(self):
        return (f"<curl {self.returncode}, HTTP {self.http_code}, {self.size} bytes in {self.seconds:.3f} s"
                f"{', ' + self.error if self.error else ''}>")

    @property
    def body(self):
        return self.path.read_bytes()

    @property
    def sha256(self):
        digest = hashlib.sha256()
        with open(self.path, "rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()


class CurlRun:
    """A curl that is under way: `finish` gives its result; `process` may be watched or killed meanwhile."""

    FORMAT = "%{http_code} %{time_total} %{time_starttransfer} %{size_download}"

    def __init__(self, port, url, *, user=None, resolve="socks5h", extra=(), timeout=60):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="cepa-curl-"))
        self._remove = weakref.finalize(self, shutil.rmtree, self.dir, True)
        self.path = self.dir / "body"
        self.path.touch()
        self._timeout = timeout
        login = f"{user}@" if user else ""
        # First -q: nobody's ~/.curlrc takes part.
        argv = [find_program("curl"), "-q", "--silent", "--show-error", "--globoff", "--noproxy", "",
                "--proxy", f"{resolve}://{login}127.0.0.1:{port}", "--max-time", str(timeout),
                "--output", self.path, "--write-out", self.FORMAT, *extra, url]
        self.process = spawn(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @property
    def received(self):
        """Bytes of the body so far."""
        return self.path.stat().st_size

    def finish(self):
        output, error = self.process.communicate(timeout=self._timeout + 10)
        words = output.split()
        if len(words) != 4:
            words = ["0"] * 4
        numbers = CurlNumbers(int(words[0]), float(words[1]), float(words[2]), int(words[3]))
        result = CurlResult(self.process.returncode, numbers, error.strip(), self.path)
        # The body now lives and ends with the result.
        self._remove.detach()
        weakref.finalize(result, shutil.rmtree, self.dir, True)
        return result


def curl(port, url, *, user=None, resolve="socks5h", extra=(), timeout=60):
    """Fetches `url` with the real curl through the proxy on 127.0.0.1:`port` and returns a CurlResult.

    user: "name:password" for the proxy. resolve: the proxy's scheme: socks5h and socks4a leave names to the
    proxy, socks5 and socks4 do not, http means CONNECT for https. extra: more arguments."""
    return CurlRun(port, url, user=user, resolve=resolve, extra=extra, timeout=timeout).finish()


def curl_start(port, url, **options):
    """As `curl`, but returns at once, with a CurlRun."""
    return CurlRun(port, url, **options)
