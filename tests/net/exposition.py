#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Reads Prometheus' text exposition format (0.0.4) and checks it by the rules that promtool checks.
"""Usage: exposition.py < TEXT: prints what is wrong, a line each, and fails when there is anything."""

import math
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)(?: (-?\d+))?")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")
# Units that are not the base ones, and names of types: promtool wants neither in a name.
BAD_WORDS = {"milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "weeks", "kilobytes", "megabytes",
             "gigabytes", "ms", "us", "ns", "kb", "mb", "gb", "counter", "gauge", "histogram", "summary", "untyped"}


class Family:
    """All samples of one name: (suffix, labels, value)."""

    def __init__(self, name):
        self.name = name
        self.help = None
        self.type = None
        self.samples = []

    def get(self, suffix="", /, **labels):
        """The value of the one sample with these labels; None when there is none."""
        for sample_suffix, sample_labels, value in self.samples:
            if sample_suffix == suffix and dict(sample_labels) == labels:
                return value
        return None

    def sum(self, /, **labels):
        """Of all samples that have at least these labels."""
        return sum(value for _, own, value in self.samples if labels.items() <= dict(own).items())


class Exposition:
    """What a text says; problems has a sentence for each thing that is wrong with it."""

    def __init__(self, text):
        self.families = {}
        self.problems = []
        self.ended = set()  # families that others have come behind
        self.last = None
        if text and not text.endswith("\n"):
            self.problems.append("the last line has no end")
        for number, line in enumerate(text.split("\n")[:-1], 1):
            self.number = number
            self.read_line(line)
        for family in self.families.values():
            self.check_family(family)

    def __getitem__(self, name):
        return self.families[name]

    def get(self, name, suffix="", /, **labels):
        return self.families[name].get(suffix, **labels) if name in self.families else None

    def report(self, what):
        self.problems.append(f"line {self.number}: {what}")

    def find_family(self, name):
        if name not in self.families:
            self.families[name] = Family(name)
        if self.last not in (None, name):
            self.ended.add(self.last)
        if name in self.ended:
            self.report(f"{name} comes again behind others")
        self.last = name
        return self.families[name]

    def read_line(self, line):
        if line.startswith("# HELP ") or line.startswith("# TYPE "):
            self.read_comment(line)
        elif line and not line.startswith("#"):
            self.read_sample(line)

    def read_comment(self, line):
        words = line.split(" ", 3)
        if len(words) < 4 or not re.fullmatch(NAME, words[2]):
            self.report("HELP or TYPE without a name and a text")
            return
        family = self.find_family(words[2])
        kind = words[1].lower()
        if getattr(family, kind) is not None:
            self.report(f"a second {words[1]} of {family.name}")
        if kind == "type" and (words[3] not in TYPES or family.samples):
            self.report(f"TYPE {words[3]} is unknown, or behind samples")
        setattr(family, kind, words[3])

    def read_sample(self, line):
        match = SAMPLE.fullmatch(line)
        if match is None:
            self.report("not a sample")
            return
        name, suffix = self.split_name(match.group(1))
        family = self.find_family(name)
        labels = self.read_labels(match.group(2) or "")
        try:
            value = float(match.group(3))
        except ValueError:
            self.report(f"{match.group(3)} is not a number")
            return
        if any(sample[:2] == (suffix, labels) for sample in family.samples):
            self.report(f"{line.split(' ')[0]} is there twice")
        family.samples.append((suffix, labels, value))

    def split_name(self, name):
        for suffix in ("_bucket", "_sum", "_count"):
            base = name.removesuffix(suffix)
            if base != name and base in self.families and self.families[base].type in ("histogram", "summary"):
                return base, suffix
        return name, ""

    def read_labels(self, text):
        labels = []
        place = 0
        while place < len(text):
            match = LABEL.match(text, place)
            if match is None:
                self.report(f"not labels: {text[place:]}")
                break
            labels.append((match.group(1), re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], match.group(2))))
            place = match.end()
        if len({name for name, _ in labels}) < len(labels):
            self.report("a label is there twice")
        return tuple(sorted(labels))

    def check_family(self, family):
        def report(what):
            self.problems.append(f"{family.name}: {what}")

        words = set(family.name.split("_"))
        if not family.help:
            report("no HELP")
        if family.type is None:
            report("no TYPE")
        if not family.samples:
            report("no samples")
        if (family.type == "counter") != family.name.endswith("_total"):
            report("counters end in _total, and nothing else does")
        if family.type != "histogram" and re.search(r"_(bucket|sum|count)$", family.name):
            report("the name is of a part of a histogram")
        if family.name != family.name.lower() or ":" in family.name or words & BAD_WORDS:
            report("the name has capitals, a colon, a type or a unit that is not a base one")
        if any(math.isnan(value) or value < 0 for _, _, value in family.samples) and family.type != "gauge":
            report("a value that no counter has")
        if family.type == "histogram":
            self.check_histogram(family, report)

    def check_histogram(self, family, report):
        series = {}
        for suffix, labels, value in family.samples:
            bound = dict(labels).get("le")
            own = tuple(label for label in labels if label[0] != "le")
            parts = series.setdefault(own, {"buckets": []})
            if suffix == "_bucket" and bound is not None:
                parts["buckets"].append((float(bound), value))
            elif suffix in ("_sum", "_count") and bound is None:
                parts[suffix] = value
            else:
                report(f"a sample that no histogram has: {suffix or 'without a suffix'}")
        for own, parts in series.items():
            bounds = [bound for bound, _ in parts["buckets"]]
            counts = [count for _, count in parts["buckets"]]
            if not {"_sum", "_count"} <= parts.keys():
                report(f"no sum or no count of {own}")
            elif bounds != sorted(set(bounds)) or bounds[-1:] != [math.inf]:
                report(f"the bounds of {own} do not ascend to +Inf")
            elif counts != sorted(counts) or counts[-1] != parts["_count"]:
                report(f"the buckets of {own} are not cumulative up to the count")


def main():
    problems = Exposition(sys.stdin.buffer.read().decode("utf-8")).problems
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
