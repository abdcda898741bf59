#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# make-built-in.py AUTHORITIES FALLBACKS OUTPUT: C arrays of the lines of both files, without comments.

import sys


def read_lines(path):
    with open(path, encoding="ascii") as file:
        lines = [line.strip() for line in file]
    return [line for line in lines if line and not line.startswith("#")]


def write_array(out, name, lines):
    out.write(f"\nconst char *const {name}[] = {{\n")
    for line in lines:
        if '"' in line or "\\" in line:
            sys.exit(f"make-built-in.py: a line with a quote or a backslash: {line}")
        out.write(f'  "{line}",\n')
    out.write("  NULL,\n};\n")


def main():
    authorities, fallbacks, output = sys.argv[1:]
    with open(output, "w", encoding="ascii") as out:
        out.write("/* SPDX-License-Identifier: BSD-3-Clause */\n")
        out.write("/* Made by make-built-in.py from data/authorities and data/fallbacks. */\n")
        out.write('#include "config/config-private.h"\n')
        write_array(out, "cepa_built_in_authorities", read_lines(authorities))
        write_array(out, "cepa_built_in_fallbacks", read_lines(fallbacks))


if __name__ == "__main__":
    main()
