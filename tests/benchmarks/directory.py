# SPDX-License-Identifier: BSD-3-Clause
# tests/bench --directory: what a full-size directory costs, read from the cache by both clients; and what Cepa's loop
# has to do at a time when all or some of it is fetched.

import dataclasses
import re
import statistics
import subprocess
import time

from tests.benchmarks.errors import BenchError
from tests.benchmarks.probe import cpu_seconds
from tests.net import Cepad, ProcessDied, TorClient
from tests.scale import ENCODERS, DirectoryServer, SilentProxy, make_diff

READY_SECONDS = 60
POLL_SECONDS = 0.002
SETTLE_SECONDS = 5  # from readiness to the memory that stays
PROGRAM_SECONDS = 120
OLD_SECONDS = 5 * 3600  # a consensus that is used still, and at once followed by the next
COUNTRIES = "ExcludeExitNodes {aq}\n"  # has the country files read, and leaves all as it was
HELD = re.compile(r"the loop was held for (\d+\.\d) ms, longer than before")
WORKED = re.compile(r"a turn of the loop took (\d+\.\d) ms of CPU time, more than before")


@dataclasses.dataclass(frozen=True)
class Figure:
    text: str
    unit: str
    digits: int
    of_both: bool = True  # whether C Tor has it too
    from_program: bool = False  # whether tests/benchmarks/directory.c gives it


FIGURES = {
    "ready_cpu": Figure("from cache to ready, CPU", "ms", 0),
    "ready_seconds": Figure("the same, time", "s", 2),
    "rss": Figure("memory (RSS), {settle} s later", "MiB", 1),
    "rss_peak": Figure("the most memory until then", "MiB", 1),
    "stall": Figure("longest turn of the main loop", "ms", 1, of_both=False),
    "stall_cpu": Figure("the same, CPU", "ms", 1, of_both=False),
    "geo_rss": Figure("memory (RSS) with countries", "MiB", 1, of_both=False),
    "geo_peak": Figure("the most memory with countries until then", "MiB", 1, of_both=False),
    "geo_stall": Figure("longest turn with countries, CPU", "ms", 1, of_both=False),
    "update_rss": Figure("memory (RSS) after a diff has come", "MiB", 1, of_both=False),
    "update_peak": Figure("the most memory until a diff has come", "MiB", 1, of_both=False),
    "update_stall": Figure("longest turn until a diff has come, CPU", "ms", 1, of_both=False),
    "cold_cpu": Figure("all of it fetched, CPU to ready", "ms", 0, of_both=False),
    "cold_rss": Figure("all of it fetched, memory (RSS)", "MiB", 1, of_both=False),
    "cold_peak": Figure("all of it fetched, the most memory until then", "MiB", 1, of_both=False),
    **{f"cold_stall_{name}": Figure(f"longest turn, fetched in {name}, CPU", "ms", 1, of_both=False) for name in ENCODERS},
    "parse": Figure("consensus parsed, CPU", "ms", 1, of_both=False, from_program=True),
    "verify": Figure("its signatures checked, CPU", "ms", 1, of_both=False, from_program=True),
    "diff": Figure("diff to the next hour's consensus applied, it parsed and checked, CPU", "ms", 1, of_both=False,
                   from_program=True),
    "network": Figure("table made with all microdescriptors, CPU", "ms", 1, of_both=False, from_program=True),
    "change": Figure("change to the next hour's consensus, CPU", "ms", 1, of_both=False, from_program=True),
}


class DirectoryTor(TorClient):
    """Says at level info when it is ready, and hardly anything else of that domain and level."""

    ready = re.compile(r"We now have enough directory information to build circuits")
    logs = "[dir]info notice"

    def command(self):
        return [*super().command(), "--Log", f"{self.logs} file {self.log_path}"]


class DirectoryCepad(Cepad):
    """It logs at info what the loop's probe finds, and hardly anything else of that level."""

    ready = re.compile(r"Bootstrapped 75% \(enough_dirinfo\)")
    logs = "[general]info [dir]info notice"

    def command(self):
        return [*super().command(), "--Log", f"{self.logs} file {self.log_path}"]


def measure_client(make, binary, directory, settle=SETTLE_SECONDS):
    """Starts a client with the directory in its cache; a dict from figure to value."""
    with SilentProxy() as proxy:
        client = make(None, binary=binary, torrc=directory.torrc(proxy.address))
        directory.write(client.data_dir)
        try:
            return _measure(client, settle)
        finally:
            client.kill()


def _measure(client, settle):
    began = time.monotonic()
    client.start()
    _wait_ready(client, began + READY_SECONDS)
    values = {"ready_seconds": time.monotonic() - began, "ready_cpu": cpu_seconds(client) * 1000}
    time.sleep(settle)
    values["rss"] = client.rss_kib() / 1024
    values["rss_peak"] = client.peak_rss_kib() / 1024
    values["stall"] = longest_turn(client.log_text(), HELD)
    values["stall_cpu"] = longest_turn(client.log_text(), WORKED)
    return values


class Fetched:
    """What is fetched in a benchmark: a directory of now, and one that is old, with the diff to the next. Made of what
    `write_inputs` takes and returns."""

    def __init__(self, directory, later):
        self.now = directory.relisted(unlisted=["V2Dir"])
        self.old = directory.relisted(directory.at - OLD_SECONDS, ["V2Dir"])
        self.next = later.relisted(later.at - OLD_SECONDS, ["V2Dir"])
        self.diff = make_diff(self.old.consensus(), self.next.consensus())


def measure_loads(binary, directory, fetched, settle=SETTLE_SECONDS):
    """The other ways to a directory, of Cepa alone: a dict from figure to value. `fetched` is a Fetched."""
    with SilentProxy() as proxy:
        values = _measure_load(binary, "geo", directory.torrc(proxy.address) + COUNTRIES, settle, directory)
    with DirectoryServer(fetched.next) as server:
        server.serve_diff(fetched.diff)
        values |= _measure_load(binary, "update", server.torrc, settle, fetched.old, "the consensus of .* came as a diff")
    for name in ENCODERS:
        with DirectoryServer(fetched.now, name) as server:
            cold = _measure_load(binary, "cold", server.torrc, settle)
        values |= cold | {f"cold_stall_{name}": cold["cold_stall"]}
    return values


def _measure_load(binary, name, torrc, settle, directory=None, mark=None):
    """Starts Cepa with `directory` in its cache, and lets it go on for a while when it has logged `mark` besides."""
    client = DirectoryCepad(None, binary=binary, torrc=torrc)
    if directory:
        directory.write(client.data_dir)
    try:
        client.start()
        _wait_ready(client, time.monotonic() + READY_SECONDS)
        cpu = cpu_seconds(client) * 1000
        if mark:
            client.wait_log(mark, READY_SECONDS)
        time.sleep(settle)
        return {f"{name}_cpu": cpu, f"{name}_rss": client.rss_kib() / 1024,
                f"{name}_peak": client.peak_rss_kib() / 1024, f"{name}_stall": longest_turn(client.log_text(), WORKED)}
    finally:
        client.kill()


def longest_turn(text, pattern):
    """In ms, from what Cepa's log says of it; 0 when none was long enough to be told of. `pattern` is HELD or WORKED."""
    return max((float(match.group(1)) for match in pattern.finditer(text)), default=0.0)


def _wait_ready(client, deadline):
    for line in client.log.lines():
        if line is not None:
            if client.ready.search(line):
                return
            continue
        if not client.alive:
            raise ProcessDied(f"{client.name} ended before it had its directory:\n{client.last_words()}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{client.name} did not take the directory within {READY_SECONDS} s; its log's end:\n"
                               f"{client.log.tail()}")
        time.sleep(POLL_SECONDS)


def measure_program(build, folder):
    """Runs tests/benchmarks/directory of a build folder over what `write_inputs` has written."""
    program = build / "tests/benchmarks/directory"
    try:
        result = subprocess.run([program, folder], capture_output=True, text=True, timeout=PROGRAM_SECONDS, check=False)
    except FileNotFoundError as error:
        raise BenchError(f"{program} is not there.", "--cepad must be of a whole build folder.") from error
    if result.returncode != 0:
        raise BenchError(f"{program} failed with status {result.returncode}: {result.stderr.strip()}")
    return parse(result.stdout)


def parse(output):
    """A dict from figure to value, of what the program prints."""
    values = {}
    for line in output.splitlines():
        key, value = line.split()
        values[key] = float(value)
    wanted = {key for key, figure in FIGURES.items() if figure.from_program}
    if set(values) != wanted:
        raise BenchError(f"tests/benchmarks/directory gave {sorted(values)} rather than {sorted(wanted)}.")
    return values


def write_inputs(folder, directory):
    """`directory` and that of the next hour, as tests/benchmarks/directory.c takes them. Returns: the latter."""
    directory.write(folder / "now")
    later = directory.next()
    later.write(folder / "next")
    (folder / "diff").write_text(make_diff(directory.consensus(), later.consensus()), encoding="ascii")
    identities = "".join(one.v3ident + "\n" for one in directory.authorities)
    (folder / "now/authorities").write_text(identities, encoding="ascii")
    return later


def format_lines(ours, theirs, settle=SETTLE_SECONDS):
    """A table of medians, as lines. `ours` and `theirs` are lists of dicts."""
    cells = [["figure", "", "Cepa", "C Tor", "ratio"]]
    for key, figure in FIGURES.items():
        own = statistics.median(run[key] for run in ours)
        line = [figure.text.format(settle=f"{settle:g}"), figure.unit, f"{own:.{figure.digits}f}", "–", "–"]
        if figure.of_both:
            other = statistics.median(run[key] for run in theirs)
            line[3:] = [f"{other:.{figure.digits}f}", f"{own / other:.2f}"]
        cells.append(line)
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    lines = ["  ".join(text.rjust(width) if column >= 2 else text.ljust(width)
                       for column, (text, width) in enumerate(zip(line, widths))).rstrip() for line in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines
