# SPDX-License-Identifier: BSD-3-Clause
# The demo: a private Tor network (or the public one), Cepa on it, and one page fetched through three relays.

import argparse
import collections
import contextlib
import html.parser
import re
import sys
import textwrap
import time

from tests.net.clients import Cepad, curl_start
from tests.net.network import Network
from tests.net.process import exit_on_signals, wait_until
from tests.net.screen import Screen

PUBLIC_URL = "http://example.com/"
BOOTSTRAP_LINE = re.compile(r"Bootstrapped (\d+)% \(([^)]*)\): (.*)")
ATTACHED_LINE = r"stream \d+ attached to circuit (\d+)\b"
QUIET_LINE = re.compile(r"\[(info|debug)\]")
HOP = re.compile(r"\$([0-9A-Fa-f]{40})(?:[~=](\w+))? at ([^\s,]+)")
FETCH_SECONDS = 60
CIRCUIT_SECONDS = 3
LOG_LINES = 12
PAGE_LINES = 24

Hop = collections.namedtuple("Hop", "nickname address")

PLACES = (("guard", "knows you, not what you read"),
          ("middle", "knows neither"),
          ("exit", "knows what is read, not by whom"))


class DemoError(Exception):
    """Something that the person at the terminal is told, with an optional hint."""

    def __init__(self, message, hint=""):
        super().__init__(message)
        self.hint = hint


class PageText(html.parser.HTMLParser):
    """The text of a page: its blocks as lines, without what is not shown."""

    BLOCKS = {"address", "article", "br", "div", "h1", "h2", "h3", "h4", "li", "p", "pre", "section", "td",
              "tr"}
    HIDDEN = {"script", "style", "head", "template"}

    def __init__(self):
        super().__init__()
        self._parts = []
        self._hidden = 0

    def handle_starttag(self, tag, attrs):
        self._hidden += tag in self.HIDDEN
        if tag in self.BLOCKS:
            self._parts.append("\n")

    def handle_endtag(self, tag):
        self._hidden -= tag in self.HIDDEN and self._hidden > 0
        if tag in self.BLOCKS:
            self._parts.append("\n")

    def handle_data(self, data):
        if not self._hidden:
            self._parts.append(re.sub(r"\s+", " ", data))

    def paragraphs(self):
        # What a stranger's page holds must not steer the terminal: only printable characters are let pass.
        lines = "".join(self._parts).split("\n")
        clean = ("".join(c for c in line if c.isprintable()).strip() for line in lines)
        return [line for line in clean if line]


def page_lines(body, width):
    """The page as lines of text, cut after PAGE_LINES."""
    page = PageText()
    page.feed(body.decode("utf-8", "replace"))
    page.close()
    lines = [line for text in page.paragraphs() for line in textwrap.wrap(text, width)]
    return lines[:PAGE_LINES] + ["…"] * (len(lines) > PAGE_LINES)


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        prog="tests/demo",
        description="Shows Cepa at work: starts a private Tor network of ten relays on this machine, starts"
                    " Cepa on it, and fetches a page through three of them. Nothing leaves this machine.")
    parser.add_argument("--stay", action="store_true",
                        help="leave all running until Ctrl-C, for a browser to use")
    parser.add_argument("--internet", action="store_true", help="use the public Tor network instead")
    parser.add_argument("--url", metavar="URL",
                        help=f"with --internet: the page to fetch (default: {PUBLIC_URL})")
    parser.add_argument("--timeout", type=float, default=180, metavar="SECONDS",
                        help="how long Cepa may take to connect to the network (default: 180)")
    parser.add_argument("--no-color", action="store_true", help="plain lines: no colours, nothing redrawn")
    options = parser.parse_args(arguments)
    if options.url and not options.internet:
        parser.error("--url needs --internet: the private network has nothing but its own page")
    return options


class Demo:
    """One run; `run` returns the exit status."""

    def __init__(self, options, screen):
        self.options = options
        self.screen = screen
        self.net = None
        self.cepad = None
        self.url = options.url or PUBLIC_URL
        self.times = []
        self._phase = None
        self._log_tail = ""

    def run(self):
        try:
            with contextlib.ExitStack() as stack:
                self._check_binary()
                self._play(stack)
        except (DemoError, OSError, RuntimeError, TimeoutError) as error:
            self._explain(error)
            return 1
        return 0

    def _play(self, stack):
        self.screen.title("Cepa, a Tor client", self._introduction())
        if not self.options.internet:
            with self._phase_of("Private network", "starting the private Tor network"):
                self.net = stack.enter_context(Network(progress=self.screen.live, keep_logs=False))
                self.url = self.net.web_url(host="web.cepa.test")
                self.screen.done(f"{len(self.net.nodes)} relays, each on an address of its own")
        with self._phase_of("Cepa connects", "starting the daemon"):
            self.cepad = Cepad(self.net)
            stack.callback(self._end_cepad)
            self.cepad.start()
            self._follow_bootstrap()
            self.screen.done(f"SOCKS port 127.0.0.1:{self.cepad.socks_port}")
        with self._phase_of("Page through Tor", f"fetching {self.url}"):
            hops, body = self._fetch()
        self._show_page(body)
        self._show_circuit(hops)
        self._show_times()
        if self.options.stay:
            self._stay()
        else:
            self._say_what_next()

    def _introduction(self):
        if self.options.internet:
            return "Cepa connects to the public Tor network and fetches a page through three of its relays."
        return ("A small Tor network of real relays starts on this machine, Cepa connects to it, and fetches"
                " a page through three relays. Nothing leaves this machine.")

    def _check_binary(self):
        path = Cepad.default_binary()
        if not path.is_file():
            raise DemoError(f"there is no {path}", "tests/setup builds it.")

    @contextlib.contextmanager
    def _phase_of(self, name, first_text):
        self._phase = name
        began = time.monotonic()
        self.screen.begin(name)
        self.screen.live(first_text)
        try:
            yield
        except BaseException:
            self.screen.abandon()
            # Taken before the daemon is told to end, and adds lines about that.
            self._log_tail = self.cepad.log.tail(200) if self.cepad else ""
            raise
        self._phase = None
        self.times.append((name, time.monotonic() - began))

    # The phases

    def _follow_bootstrap(self):
        percent = 0
        try:
            for line in self.cepad.follow_log(self.options.timeout, "it was connected"):
                match = BOOTSTRAP_LINE.search(line) if line is not None else None
                if match:
                    percent = int(match.group(1))
                    self.screen.bar(percent, match.group(3))
                if percent == 100:
                    return
        except TimeoutError:
            where = "the Tor network" if self.options.internet else "its network"
            hint = ("Is this machine online, and does its network let Tor through? Some block it."
                    if self.options.internet else "")
            raise DemoError(f"Cepa could not connect to {where} within {self.options.timeout:g} s;"
                            f" it had come to {percent}%.", hint) from None

    def _fetch(self):
        mark = self.cepad.log_mark()
        run = curl_start(self.cepad.socks_port, self.url, timeout=FETCH_SECONDS,
                         extra=["--location", "--user-agent", "curl"])
        wait_until(lambda: run.process.poll() is not None, FETCH_SECONDS + 10, "curl ending")
        result = run.finish()
        if result.returncode != 0:
            raise DemoError(f"{self.url} did not come: {result.error or 'curl said nothing'}")
        if result.http_code >= 400:
            raise DemoError(f"{self.url} did not come: the server said {result.http_code}")
        self.screen.done(f"{result.size} bytes")
        return self._find_circuit(mark), result.body

    def _find_circuit(self, mark):
        """The hops of the circuit to which the first stream after `mark` was attached; none if the log does
        not tell."""
        try:
            circuit = self.cepad.wait_log(ATTACHED_LINE, CIRCUIT_SECONDS, since=mark).group(1)
            path = self.cepad.wait_log(rf"circuit {circuit} open through (.*)", CIRCUIT_SECONDS).group(1)
        except TimeoutError:
            return []
        return [self._hop(*match.groups()) for match in HOP.finditer(path)]

    def _hop(self, fingerprint, nickname, address):
        if self.net:
            with contextlib.suppress(KeyError):
                nickname = self.net.node(fingerprint).nickname
        return Hop(nickname or "$" + fingerprint[:8] + "…", address)

    # What is told

    def _show_page(self, body):
        self.screen.heading("The page")
        self.screen.framed(page_lines(body, self.screen.width - 6))

    def _show_circuit(self, hops):
        self.screen.heading("The way it took")
        if not hops:
            self.screen.text("Cepa's log does not say through which relays.")
            return
        names = max(len(hop.nickname) for hop in hops)
        addresses = max(len(hop.address) for hop in hops)
        self.screen.row("you", "")
        for index, hop in enumerate(hops):
            middle = PLACES[1]
            place, knows = PLACES[0] if index == 0 else PLACES[2] if index == len(hops) - 1 else middle
            self.screen.row(f"→ {place}", f"{hop.nickname:{names}}  {hop.address:{addresses}}", knows)
        self.screen.row("→ page", self.url)

    def _show_times(self):
        self.screen.heading("How long it took")
        for name, seconds in self.times:
            self.screen.row(name, f"{seconds:7.2f} s")
        self.screen.row("together", f"{sum(seconds for _, seconds in self.times):7.2f} s")
        self.screen.heading("What this means")
        self.screen.text("Cepa wrapped the request in three layers of encryption, one for each relay. Each"
                         " relay took one layer off and saw only where it came from and where it went next:"
                         " none of them knew both who asked and for what. The page came back the same way.")

    def _say_what_next(self):
        self.screen.heading("Next")
        if self.options.internet:
            self.screen.text("tests/demo --internet --stay leaves it running, for a browser or any program.")
            return
        self.screen.text("tests/demo --stay leaves all this running for a browser;"
                         " tests/demo --internet does the same over the public Tor network.")

    def _stay(self):
        port = self.cepad.socks_port
        self.screen.heading("Your turn")
        self.screen.text("It stays until you press Ctrl-C. In a browser's proxy settings:")
        self.screen.row("SOCKS5 host", "127.0.0.1")
        self.screen.row("port", str(port))
        self.screen.row("DNS", "through the proxy (Firefox: “Proxy DNS when using SOCKS v5”)")
        self.screen.row("open", self.url)
        self.screen.text("or, in another terminal:")
        self.screen.verbatim(f"curl --proxy socks5h://127.0.0.1:{port} {self.url}")
        status = self.cepad.process.wait()
        self._log_tail = self.cepad.log.tail(200)
        raise DemoError(f"cepad ended by itself, with status {status}.")

    def _explain(self, error):
        phase = f"“{self._phase}” failed: " if self._phase else ""
        first, _, rest = str(error).partition("\n")
        self.screen.failure(phase + first, getattr(error, "hint", ""))
        lines = [line for line in (rest or self._log_tail).splitlines() if line.strip()]
        # A newcomer is told what the daemon says to people, unless it said nothing of the kind.
        lines = [line for line in lines if not QUIET_LINE.search(line)] or lines
        if lines:
            self.screen.log("The last lines of the log:", lines[-LOG_LINES:])

    def _end_cepad(self):
        """Lets the daemon end properly; one that does not is killed, and here that is no matter."""
        with contextlib.suppress(TimeoutError):
            self.cepad.stop()


def main(arguments=None):
    options = parse_arguments(arguments)
    exit_on_signals()
    with Screen(plain=options.no_color) as screen:
        return Demo(options, screen).run()


if __name__ == "__main__":
    sys.exit(main())
