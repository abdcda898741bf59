# SPDX-License-Identifier: BSD-3-Clause
# count.py TESTLOG: prints how many tests of a meson test log passed and how many did not.

import json
import sys

passed = failed = 0
with open(sys.argv[1], encoding="utf-8") as log:
    for line in log:
        if json.loads(line)["result"] == "OK":
            passed += 1
        else:
            failed += 1
print(passed, failed)
