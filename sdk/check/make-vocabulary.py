#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Writes the vocabulary's XML as a C string: make-vocabulary.py FILE.xml > FILE.c
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    lines = file.read().split("\n")
print("/* SPDX-License-Identifier: BSD-3-Clause */")
print('#include "vocabulary.h"\n')
print("const char cepa_check_vocabulary[] =")
for line in lines:
    quoted = line.replace("\\", "\\\\").replace('"', '\\"')
    print(f'  "{quoted}\\n"')
print("  ;")
