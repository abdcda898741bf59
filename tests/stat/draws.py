# SPDX-License-Identifier: BSD-3-Clause
# Runs tests/stat/path-draws and compares what it drew with the chances.

import collections
import os
import pathlib
import subprocess

from tests.stat import chances, rules, statistic

BUILD = pathlib.Path(os.environ.get("CEPA_BUILD", "build"))
TIMEOUT_SECONDS = 3600

# For the guard, the middle and the exit of a usual path. There are so many other figures that by chance one in a
# hundred of them would be below.
LEAST_P, LEAST_P_OF_OTHERS = 0.01, 0.0001

Figure = collections.namedtuple("Figure", "policy network request what p least")


def run(policy, lines):
    """What path-draws prints for the lines: a list of lines."""
    module = BUILD / "plugins" / "path" / policy / f"{policy}.so"
    result = subprocess.run([BUILD / "tests" / "stat" / "path-draws", module], input="\n".join(lines) + "\n",
                            capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"path-draws failed with status {result.returncode}: {result.stderr.strip()}")
    return result.stdout.splitlines()


def parse(lines):
    """{name of a request: ({cell: count}, failed, violations)}; the rules are under "rules"."""
    found, seen, name = {}, {}, "rules"
    for line in lines:
        words = line.split()
        if words[0] == "request":
            name, seen = words[1], {}
        elif words[0] in ("path", "hop"):
            seen[int(words[1])] = int(words[2])
        elif words[0] == "violated":
            raise RuntimeError(f"a rule was broken: {line}")
        else:
            found[name] = (seen, int(words[3]), int(words[5]), int(words[1]))
            seen, name = {}, "rules"
    return found


def path_of(index, hops, n_relays):
    rows = []
    for _ in range(hops):
        index, row = divmod(index, n_relays)
        rows.append(row)
    return tuple(reversed(rows))


def judge_small(policy, draws, seed, of_paths=chances.of_paths):
    """Figures of every request of the small network."""
    network = rules.small()
    requests = rules.small_requests()
    n_relays = len(network.relays)
    lines = network.lines() + [request.line(draws, seed + i, n_relays) for i, request in enumerate(requests)]
    found = parse(run(policy, lines))
    figures = []
    for request in requests:
        cells, failed, violations, n_paths = found[request.name]
        if failed or violations or n_paths != draws:
            raise RuntimeError(f"{policy}, {request.name}: {failed} of {draws} failed, {violations} broke a rule")
        seen = {path_of(index, request.hops, n_relays): count for index, count in cells.items()}
        expected = of_paths(network, request, policy)
        least = LEAST_P if request.name == "web" else LEAST_P_OF_OTHERS
        p = statistic.chi_square_p(seen, expected)
        figures.append(Figure(policy, "small", request.name, "whole paths", p, least))
        for hop in range(request.hops):
            last = "exit" if request.purpose == rules.GENERAL else "last"
            what = {0: "guard", request.hops - 1: last}.get(hop, "middle")
            p = statistic.chi_square_p(chances.of_hop(seen, hop), chances.of_hop(expected, hop))
            figures.append(Figure(policy, "small", request.name, what, p, least))
    return figures


def judge_large(policy, n_relays, draws, seed):
    """Figures of the usual request in a large network."""
    network = rules.large(n_relays)
    request = rules.Request("web")
    found = parse(run(policy, network.lines() + [request.line(draws, seed, n_relays)]))
    cells, failed, violations, n_paths = found["web"]
    if failed or violations or n_paths != draws:
        raise RuntimeError(f"{policy}, {n_relays} relays: {failed} of {draws} failed, {violations} broke a rule")
    figures = []
    for hop, expected in enumerate(chances.of_large(network, request, policy)):
        seen = {cell % n_relays: count for cell, count in cells.items() if cell // n_relays == hop}
        figures.append(Figure(policy, str(n_relays), request.name, ("guard", "middle", "exit")[hop],
                              statistic.chi_square_p(seen, expected), LEAST_P))
    return figures


def count_violations(policy, n_relays, draws, seed):
    """How many of so many paths, for requests of every kind by chance, broke a rule; and how many requests had none."""
    found = parse(run(policy, rules.large(n_relays).lines() + [f"rules\t{draws}\t{seed}"]))
    _, failed, violations, n_paths = found["rules"]
    if n_paths != draws:
        raise RuntimeError(f"{policy}: {n_paths} paths of {draws}")
    return violations, failed
