# SPDX-License-Identifier: BSD-3-Clause
# python3 -m tests.stat [--draws N] [--rules N] [--relays N] [--seed N]: the whole comparison, which takes minutes.

import argparse
import sys

from tests.stat import draws


def main():
    parser = argparse.ArgumentParser(prog="python3 -m tests.stat",
                                     description="Draws paths and compares how often each comes with chances that are "
                                     "worked out from the rules alone.")
    parser.add_argument("--draws", type=int, default=1000000, help="paths for each request (default: %(default)s)")
    parser.add_argument("--rules", type=int, default=10000000,
                        help="paths for requests by chance (default: %(default)s)")
    parser.add_argument("--relays", type=int, default=10000, help="of the large network (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=2, help="another one draws other paths (default: %(default)s)")
    arguments = parser.parse_args()
    is_good = True
    for policy in ("weighted", "uniform"):
        figures = draws.judge_small(policy, arguments.draws, arguments.seed)
        figures += draws.judge_large(policy, arguments.relays, arguments.draws, arguments.seed)
        for figure in figures:
            is_good = is_good and figure.p > figure.least
            print(f"path.{policy}  {figure.network:>6} relays  {figure.request:14}  {figure.what:11}  "
                  f"p = {figure.p:.4f}{'' if figure.p > figure.least else '  TOO LOW'}", flush=True)
        violations, failed = draws.count_violations(policy, arguments.relays, arguments.rules, arguments.seed)
        is_good = is_good and violations == 0
        print(f"path.{policy}  {arguments.rules:,} paths for requests by chance: {violations} broke a rule; {failed} "
              "requests had no path", flush=True)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
