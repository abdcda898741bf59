#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# make-xml.py INPUT OUTPUT: the text of the vocabulary as a C array, for front ends that ask what there is.

import json
import sys


def main():
    source, output = sys.argv[1:]
    with open(source, encoding="ascii") as file:
        lines = file.read().splitlines()
    with open(output, "w", encoding="ascii") as out:
        out.write("/* SPDX-License-Identifier: BSD-3-Clause */\n")
        out.write("/* Made by make-xml.py from data/org.cepa.Cepa1.xml. */\n")
        out.write('#include "host/words.h"\n\nconst char cepa_words_xml[] =')
        for line in lines:
            # What JSON escapes in ASCII, C escapes in the same way.
            out.write("\n  " + json.dumps(line + "\n"))
        out.write(";\n")


if __name__ == "__main__":
    main()
