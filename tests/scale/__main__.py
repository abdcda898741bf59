# SPDX-License-Identifier: BSD-3-Clause
# Writes a made-up directory into a folder.

import argparse
import pathlib

from tests.scale.directory import make_directory


def main():
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.scale",
        description="Writes a signed, made-up directory: FOLDER/data for a client, FOLDER/torrc for its authorities.")
    parser.add_argument("folder", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--relays", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--at", type=int, metavar="SECONDS", help="since 1970; the default is now")
    parser.add_argument("--hours", type=int, default=0, metavar="N",
                        help="write the consensuses of the following hours too, into FOLDER/hour-1 and so on")
    parser.add_argument("--full", action="store_true", help="the full flavour too")
    options = parser.parse_args()
    directory = make_directory(options.relays, options.seed, options.at, keys=options.folder / "keys")
    directory.write(options.folder / "data", options.full)
    (options.folder / "torrc").write_text(directory.torrc(), encoding="ascii")
    for hour in range(1, options.hours + 1):
        directory = directory.next()
        directory.write(options.folder / f"hour-{hour}", options.full)


if __name__ == "__main__":
    main()
