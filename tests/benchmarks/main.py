# SPDX-License-Identifier: BSD-3-Clause
# tests/bench: its arguments and its course.

import argparse
import collections.abc
import dataclasses
import functools
import os
import pathlib
import subprocess
import tempfile

from tests.benchmarks import build, directory, pairs, paths, report
from tests.benchmarks.errors import BenchError
from tests.benchmarks.figures import FIGURES, MEASUREMENTS, make_rows
from tests.benchmarks.session import SMOKE_PLAN, BenchCepad, BenchTor, Plan, Session
from tests.net import Network, TorClient
from tests.net.clients import REPOSITORY
from tests.net.process import exit_on_signals
from tests.net.screen import Screen
from tests.scale import make_directory

DOCS = REPOSITORY / "docs/performance.md"
# So long that no consensus is voted or fetched during a run: what is idle is to be idle.
VOTING_INTERVAL_SECONDS = 1800
DIRECTORY_RELAYS = 10_000
# More runnable processes than this for each processor before we begin: others will be in the figures.
BUSY_LOAD = 0.3
# The defaults of each kind, as their users have them; and without those that nothing needs.
ALL_PLUGINS = "Plugin control.tor optional\nPlugin metrics.prometheus optional"
NO_PLUGINS = "Plugin control.dbus disabled\nPlugin padding.circpad disabled"


def _make_on_one_path(torrc, net, **options):
    """A cepad whose circuits all go over the same three relays: others cut what they send into other pieces, which
    costs a client some percent more or less."""
    first, second, third = net.relays[0], net.relays[1], net.exits[0]
    path = (f"EntryNodes {first.fingerprint}\nMiddleNodes {second.fingerprint}\nExitNodes {third.fingerprint}\n"
            "EnforceDistinctSubnets 0")
    return BenchCepad(net, torrc=f"{torrc}\n{path}", **options)


def parse_arguments(arguments=None):
    listing = "\n".join(f"  {name:10} {text}" for name, text in MEASUREMENTS.items())
    parser = argparse.ArgumentParser(
        prog="tests/bench", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures a release build of Cepa and the C Tor client, in turns, on one private"
                    " network.",
        epilog=f"measurements:\n{listing}\n\ndocs/performance.md says what each figure means.")
    parser.add_argument("--runs", type=int, metavar="N", help="of each side (default: 3)")
    parser.add_argument("--only", action="append", metavar="NAME", choices=MEASUREMENTS,
                        help="take this measurement only; may be repeated")
    parser.add_argument("--deep", action="store_true",
                        help="count the system calls of idle clients too; needs root and strace")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE",
                        help="write the figures into FILE as well")
    parser.add_argument("--write-docs", action="store_true", help="rewrite the table in docs/performance.md")
    parser.add_argument("--cepad", type=pathlib.Path, metavar="PATH",
                        help="measure this daemon rather than a release build made for it")
    parser.add_argument("--against", type=pathlib.Path, metavar="PATH",
                        help="compare with this cepad rather than with C Tor")
    parser.add_argument("--plugins", action="store_true",
                        help="only compare a cepad with the default plugins of every kind with one that has the path"
                             " policy and the transport alone, which download in turns")
    parser.add_argument("--paths", action="store_true",
                        help="only count the paths that the path plugins give per second of one core, for"
                             " 10,000 relays; needs no network")
    parser.add_argument("--directory", action="store_true",
                        help="only measure what a made-up directory of 10,000 relays costs, read from the cache by both;"
                             " needs no network")
    parser.add_argument("--smoke", action="store_true",
                        help="one tiny run of everything, to see that it works; the figures say nothing")
    options = parser.parse_args(arguments)
    if options.runs is not None and options.runs < 1:
        parser.error("--runs must be 1 or more")
    if options.paths and (options.only or options.against or options.deep or options.json):
        parser.error("--paths is by itself: not with --only, --against, --deep or --json")
    if options.plugins and (options.only or options.against or options.deep or options.json):
        parser.error("--plugins is by itself: not with --only, --against, --deep or --json")
    if options.directory and (options.only or options.against or options.deep or options.json or options.paths):
        parser.error("--directory is by itself: not with --only, --against, --deep, --json or --paths")
    partial = (options.paths or options.directory or options.plugins or options.smoke or options.only or options.cepad
               or options.against)
    if options.write_docs and partial:
        parser.error("--write-docs is for whole runs against C Tor: not with --paths, --directory, --plugins, --smoke,"
                     " --only, --cepad or --against")
    return options


@dataclasses.dataclass
class Side:
    """One of the two that are compared: its name, its program, what makes a client of it, and its runs."""

    name: str
    binary: pathlib.Path
    make: collections.abc.Callable
    version: str = ""
    runs: list = dataclasses.field(default_factory=list)


class Bench:
    """`run` does all and returns the exit status."""

    def __init__(self, options, screen):
        self.options = options
        self.screen = screen
        self.wanted = set(options.only or MEASUREMENTS)
        plan = SMOKE_PLAN if options.smoke else Plan()
        self.plan = dataclasses.replace(plan, runs=options.runs or plan.runs, deep=options.deep)
        self.sides = []

    def run(self):
        try:
            self._warn_if_busy()
            if self.options.paths:
                self._count_paths()
                return 0
            if self.options.directory:
                self._measure_directory()
                return 0
            self._choose_sides()
            if self.options.plugins:
                self._compare_plugins()
                return 0
            if self.wanted - {"size"}:
                with self._phase("network", "starting the private network"), self._network() as net:
                    self.screen.done(f"{len(net.nodes)} relays")
                    self._measure(net)
            if "size" in self.wanted:
                self._add_sizes()
            self._report()
        except (BenchError, OSError, RuntimeError, TimeoutError, subprocess.SubprocessError) as error:
            self.screen.abandon()
            self.screen.failure(f"tests/bench: {error}", getattr(error, "hint", ""))
            return 1
        return 0

    def _phase(self, name, text):
        self.screen.begin(name)
        self.screen.live(text)
        return PhaseEnd(self.screen)

    def _network(self):
        return Network(voting_interval=VOTING_INTERVAL_SECONDS, progress=self.screen.live)

    def _warn_if_busy(self):
        load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
        if load > BUSY_LOAD * cores and not self.options.smoke:
            self.screen.text(f"This machine is busy (load {load:.1f} on {cores} cores): the figures will be"
                             " off, ratios less than times.")

    def _choose_ours(self):
        if self.options.cepad is not None:
            return self.options.cepad
        self.screen.text(f"Building {build.BUILD}, a release build: {' '.join(build.SETUP)}")
        return build.make_release_build()

    def _count_paths(self):
        folder = self._choose_ours().resolve().parents[1]
        seconds = 0.1 if self.options.smoke else paths.SECONDS
        with self._phase("paths", "counting"):
            runs = [paths.measure(folder, seconds) for _ in range(self.plan.runs)]
            self.screen.done(f"{self.plan.runs} runs")
        self.screen.heading(f"10,000 relays, one core, on {report.describe_machine()}")
        for line in paths.format_lines(paths.medians(runs)):
            print(f"  {line}")

    def _compare_plugins(self):
        with self._phase("network", "starting the private network"), self._network() as net:
            self.screen.done(f"{len(net.nodes)} relays")
            with self._phase("plugins", "starting"):
                difference = pairs.compare(pairs.measure(self.sides, net, self.plan, self.screen.live))
                self.screen.done(f"{difference.rounds} rounds")
        self.screen.heading(f"{self.sides[0].version} on {report.describe_machine()}")
        print(f"  {difference.format_line([side.name for side in self.sides])}")

    def _measure_directory(self):
        cepad, tor = self._choose_ours().resolve(), TorClient.default_binary()
        n_relays, n_authorities, settle = DIRECTORY_RELAYS, 9, directory.SETTLE_SECONDS
        if self.options.smoke:
            n_relays, n_authorities, settle = 200, 2, 0
        ours, theirs = [], []
        with tempfile.TemporaryDirectory(prefix="cepa-bench-") as folder:
            with self._phase("directory", "making it"):
                made = make_directory(n_relays, n_authorities=n_authorities, keys=pathlib.Path(folder) / "keys")
                fetched = directory.Fetched(made, directory.write_inputs(pathlib.Path(folder), made))
                self.screen.done(f"{n_relays:,} relays")
            for number in range(1, self.plan.runs + 1):
                with self._phase(f"run {number}", "Cepa"):
                    values = directory.measure_client(directory.DirectoryCepad, cepad, made, settle)
                    values |= directory.measure_program(cepad.parents[1], folder)
                    self.screen.live("Cepa, fetching")
                    ours.append(values | directory.measure_loads(cepad, made, fetched, settle))
                    self.screen.live("C Tor")
                    theirs.append(directory.measure_client(directory.DirectoryTor, tor, made, settle))
                    self.screen.done("measured")
        self.screen.heading(f"{n_relays:,} relays: {build.read_version(cepad)} and {build.read_version(tor)} on"
                            f" {report.describe_machine()}")
        for line in directory.format_lines(ours, theirs, settle):
            print(f"  {line}")

    def _choose_sides(self):
        ours = self._choose_ours()
        theirs = self.options.against
        if self.options.plugins:
            self.sides = [Side(name, ours, functools.partial(_make_on_one_path, torrc))
                          for name, torrc in (("all plugins", ALL_PLUGINS), ("none", NO_PLUGINS))]
        else:
            self.sides = self._two_programs(ours, theirs)
        for side in self.sides:
            if not os.access(side.binary, os.X_OK):
                raise BenchError(f"{side.binary} is not a program that can be run.")
            side.binary = side.binary.resolve()
            side.version = build.read_version(side.binary)

    @staticmethod
    def _two_programs(ours, theirs):
        return [Side("Cepa", ours, BenchCepad),
                Side("other", theirs, BenchCepad) if theirs
                else Side("C Tor", BenchTor.default_binary(), BenchTor)]

    def _measure(self, net):
        for number in range(1, self.plan.runs + 1):
            for side in self.sides:
                with self._phase(f"run {number}, {side.name}", "starting"):
                    client = side.make(net, binary=side.binary)
                    session = Session(client, net, self.plan, self.wanted, self.screen.live)
                    side.runs.append(session.run())
                    self.screen.done("measured")

    def _add_sizes(self):
        """The same in every run, so it is said once."""
        for side in self.sides:
            side.runs = side.runs or [{}]
            side.runs[0]["size"] = build.stripped_kib(side.binary)

    # What was found

    def _facts(self):
        """Without dates and paths: what does not change should not look changed in docs/performance.md."""
        words = ["tests/bench"]
        words += [f"--runs {self.plan.runs}"] if self.options.runs else []
        words += [f"--only {name}" for name in self.options.only or []]
        words += [f"--{name}" for name in ("deep", "smoke") if getattr(self.options, name)]
        return {"command": " ".join(words), "versions": {side.name: side.version for side in self.sides},
                "machine": report.describe_machine()}

    def _report(self):
        ours, theirs = self.sides
        rows = make_rows(ours.runs, theirs.runs, self.plan.streams)
        names = (ours.name, theirs.name)
        facts = self._facts()
        if self.options.smoke:
            self._try_outputs(rows, names, facts)
        self.screen.heading(f"{ours.version} and {theirs.version} on {facts['machine']}")
        for line in report.format_table(rows, names):
            print(f"  {line}")
        if self.options.json:
            report.write_json(self.options.json, rows, names, facts)
            self.screen.text(f"The figures are in {self.options.json}.")
        if self.options.write_docs:
            report.write_docs(DOCS, rows, names, facts)
            self.screen.text(f"The table in {DOCS.relative_to(REPOSITORY)} is rewritten.")

    def _try_outputs(self, rows, names, facts):
        """--smoke sees that every figure came and that each output can be written, and keeps none of it."""
        missing = {figure.key for figure in FIGURES
                   if figure.measurement in self.wanted and (self.plan.deep or not figure.deep)}
        missing -= {row.figure.key for row in rows}
        if missing:
            raise BenchError(f"figures that did not come: {', '.join(sorted(missing))}")
        with tempfile.TemporaryDirectory(prefix="cepa-bench-") as folder:
            report.write_json(pathlib.Path(folder) / "figures.json", rows, names, facts)
            page = pathlib.Path(folder) / "performance.md"
            page.write_text(DOCS.read_text(encoding="utf-8"), encoding="utf-8")
            report.write_docs(page, rows, names, facts)


class PhaseEnd:
    """Leaves on the screen what a phase was doing when it failed."""

    def __init__(self, screen):
        self.screen = screen

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            self.screen.abandon()


def main():
    options = parse_arguments()
    exit_on_signals()
    with Screen() as screen:
        return Bench(options, screen).run()
