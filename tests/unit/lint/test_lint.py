#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Each rule of tests/lint is seen firing on a tree made for it, and a clean tree is seen passing.

import os
import subprocess
import sys
import tempfile
import unittest

LINT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lint")
C = "/* SPDX-License-Identifier: BSD-3-Clause */\n"
HASH = "# SPDX-License-Identifier: BSD-3-Clause\n"

CLEAN = {
    "daemon/base/README.md": "# daemon/base\n",
    "daemon/base/a.h": C + "/* What it is. */\n#pragma once\n\n#include <glib.h>\n\nint a (void);\n",
    "daemon/base/a.c": C + '#include "base/a.h"\n\nint\na (void)\n{\n  return 1;\n}\n',
    "daemon/netdoc/README.md": "# daemon/netdoc\n",
    "daemon/netdoc/b.c": C + '#include <cepa/network.h>\n\n#include "base/a.h"\n'
                         '#include "netdoc/b-private.h"\n',
    "daemon/netdoc/b-private.h": C + "#pragma once\n",
    "daemon/main/README.md": "# daemon/main\n",
    "daemon/main/main.c": C + '#include "base/a.h"\n\n'
                          'void\nrun (void)\n{\n  g_main_context_iteration (c, TRUE);\n}\n',
    "daemon/ctl/README.md": "# daemon/ctl\n",
    "daemon/ctl/c.c": C + '#include "ctl/c.h"\n\n'
                      'void\nrun (void)\n{\n  g_main_context_iteration (c, TRUE);\n  g_bus_get_sync ();\n}\n',
    "plugins/path/p/README.md": "# p\n",
    "plugins/path/p/p.c": C + '#include <cepa/path.h>\n#include <glib.h>\n'
                          '#include <math.h>\n\n#include "p.h"\n#include "table-generated.h"\n',
    "plugins/path/q/README.md": "# q\n",
    "plugins/path/q/q.c": C + '#include "p.h"\n',
    "plugins/path/p/p.h": C + "#pragma once\n",
    "sdk/sim/README.md": "# sdk/sim\n",
    "sdk/sim/s.c": C + '#include <gcrypt.h>\n\n#include "netdoc/consensus-unchecked.h"\n#include "s-private.h"\n',
    "sdk/sim/s-private.h": C + "#pragma once\n",
    "daemon/netdoc/consensus-unchecked.c": C + '#include "netdoc/consensus-unchecked.h"\n',
    "sdk/cepa/path.h": C + "#ifndef CEPA_PATH_H\n#define CEPA_PATH_H\n#endif\n",
    "tests/unit/test-a.c": C + '#include "netdoc/b-private.h"\n\n'
                           'void\nt (void)\n{\n  g_spawn_sync (NULL);\n}\n',
    "tests/demo": "#!/bin/sh\n" + HASH + "echo\n",
    "tests/tool.py": "#!/usr/bin/env python3\n" + HASH + "def f():\n    return 1\n",
    "tests/data/raw.c": "no line of ours\t \n",
    "meson.build": HASH,
    "notes.txt": "nothing is asked of this\t\n",
}


def c_function(calls):
    return C + "\nvoid\nf (void)\n{\n" + "".join(f"  {call}\n" for call in calls) + "}\n"


# Rule, file, its content, the line that must be named, a word of the message.
BROKEN = [
    ("layer", "daemon/base/x.c", C + '#include "netdoc/b.h"\n', 2, "base is below netdoc"),
    ("layer", "daemon/netdoc/x.c", C + '\n#include "config/x.h"\n', 3, "netdoc is below config"),
    ("layer", "daemon/netdoc/x.c", C + '#include "b-private.h"\n', 2, "does not name a layer's folder"),
    ("layer", "daemon/netdoc/x.c", C + '#include "strange/x.h"\n', 2, "does not name a layer's folder"),
    ("layer", "daemon/base/x.h", C + "#pragma once\n#include <cepa/path.h>\n",
     3, "base may not know the SDK"),
    ("layer", "daemon/strange/x.c", C + '#include "base/a.h"\n', 2, "strange has no place"),
    ("layer", "daemon/ctl/x.c", C + '#include "base/a.h"\n', 2, "the command line knows nothing of the daemon"),
    ("sim-layer", "sdk/sim/x.c", C + '#include "channel/pool.h"\n', 2, "channel/pool.h"),
    ("sim-layer", "sdk/sim/x.c", C + '#include "nowhere.h"\n', 2, "nowhere.h"),
    ("private-header", "sdk/sim/x.c", C + '#include "netdoc/b-private.h"\n', 2, "netdoc/b-private.h"),
    ("unchecked", "daemon/main/x.c", C + '#include "netdoc/consensus-unchecked.h"\n', 2, "consensus-unchecked.h"),
    ("private-header", "daemon/main/x.c", C + '#include "netdoc/b-private.h"\n', 2, "netdoc/b-private.h"),
    ("plugin-include", "plugins/path/p/x.c", C + '#include "base/a.h"\n', 2, "base/a.h"),
    ("plugin-include", "plugins/path/p/x.c", C + "#include <sodium.h>\n", 2, "sodium.h"),
    ("plugin-include", "plugins/metrics/p/x.c", C + '#include "p.h"\n', 2, "p.h"),
    ("plugin-include", "sdk/cepa/x.h", C + "#ifndef X\n#include <gnutls/gnutls.h>\n#endif\n", 3, "gnutls"),
    ("parent-include", "daemon/netdoc/x.c", C + '#include "../base/a.h"\n', 2, "../base/a.h"),
    ("parent-include", "plugins/path/p/x.c", C + '#include "../p/p.h"\n', 2, "../p/p.h"),
    ("file-size", "daemon/base/x.c", C + "\n" * 900, 901, "901 lines; the limit is 900"),
    ("file-size", "daemon/base/x.h", C + "#pragma once\n" + "\n" * 149, 151, "151 lines; the limit is 150"),
    ("file-size", "tests/x.py", HASH + "\n" * 900, 901, "901 lines; the limit is 900"),
    ("function-size", "daemon/base/x.c", c_function(["g ();"] * 99), 5, "101 lines"),
    ("function-size", "tests/x.py", HASH + "def f():\n" + "    g()\n" * 100, 2, "f has 101 lines"),
    ("spdx", "daemon/base/x.c", "int x;\n", 1, "SPDX"),
    ("spdx", "tests/x.py", "#!/usr/bin/env python3\n\n" + HASH, 1, "SPDX"),
    ("spdx", "daemon/base/x.sh", "echo\n", 1, "SPDX"),
    ("spdx", "daemon/base/meson.build", "x = 1\n", 1, "SPDX"),
    ("spdx", "tests/setup", "#!/bin/sh\necho\n", 1, "SPDX"),
    ("unfinished", "daemon/base/x.c", C + "\n/* TO" + "DO: more */\n", 3, "TO" + "DO"),
    ("unfinished", "tests/x.md", "FIX" + "ME\n", 1, "FIX" + "ME"),
    ("unfinished", "tests/x.py", HASH + "# X" + "XX\n", 2, "X" * 3),
    ("machine-path", "tests/x.py", HASH + 'x = "/wo' + 'rk/x"\n', 2, "/wo" + "rk/"),
    ("machine-path", "README.md", "in /ro" + "ot/x\n", 1, "/ro" + "ot/"),
    ("tab", "daemon/base/x.c", C + "\tint x;\n", 2, "a tab"),
    ("trailing-space", "daemon/base/x.c", C + "int x; \n", 2, "white space"),
    ("trailing-space", "tests/x.md", "x\r\n", 1, "white space"),
    ("header-guard", "daemon/base/x.h", C + "#include <glib.h>\n#pragma once\n",
     1, "#pragma once must come first"),
    ("header-guard", "sdk/cepa/x.h", C + "#pragma once\n", 1, "#ifndef must come first"),
    ("readme", "daemon/wire/x.c", C, 1, "README.md"),
    ("readme", "plugins/control/q/x.c", C, 1, "README.md"),
    ("syntax", "tests/x.py", HASH + "def f(:\n", 2, ""),
    ("nested-loop", "daemon/base/x.c", c_function(["g_main_context_iteration (c, TRUE);"]), 6, "iteration"),
    ("nested-loop", "plugins/path/p/x.c", c_function(["g_main_loop_run (l);"]), 6, "g_main_loop_run"),
    ("blocking-gio", "daemon/netdoc/x.c", c_function(["g_dbus_connection_call_sync (c);"]), 6, "call_sync"),
]

BANNED = ["strcpy", "strcat", "sprintf", "vsprintf", "gets", "strtok", "alloca", "g_alloca", "g_newa",
          "sleep", "usleep", "nanosleep", "g_usleep", "system", "popen", "gethostbyname", "getaddrinfo",
          "g_idle_add",
          "g_idle_add_full", "g_idle_add_once", "g_timeout_add", "g_timeout_add_full", "g_timeout_add_once",
          "g_timeout_add_seconds", "g_timeout_add_seconds_full"]

# What looks like a violation and is none.
FINE = {
    "daemon/base/x.c": c_function(["g_strlcpy (a, b, 1);", "g_snprintf (a, 1, \"%d\", 1);",
                                   "my_system (1);",
                                   "cepa_log (a, \"strcpy (x) and sleep (1)\");",
                                   "/* gets (x), sprintf (y) */",
                                   "int gets = 1;", "// system (x)",
                                   "char c = '\"'; /* \" */ char d = '\\'';"]
                                  + ["g ();"] * 80),
    "daemon/base/y.c": C + "typedef struct\n{\n" + "  int x;\n" * 120 + "} Y;\n\nstatic const int z[] = {\n"
                         + "  1,\n" * 120 + "};\n",
    "daemon/base/z.c": C + "/* $HOME/work/ and ~/root/ and home/work/x are nobody's machine */\n",
}


class LintTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cepa-lint-")
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.write(CLEAN)

    def write(self, files):
        for path, text in files.items():
            full = os.path.join(self.root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8", newline="") as file:
                file.write(text)

    def lint(self, *args):
        result = subprocess.run([sys.executable, LINT, "--root", self.root, *args], capture_output=True,
                                text=True, check=False)
        self.assertIn(result.returncode, (0, 1), result.stderr)
        return result.returncode, result.stdout.splitlines()

    def test_clean_tree_passes(self):
        self.assertEqual(self.lint(), (0, []))

    def test_no_false_alarms(self):
        self.write(FINE)
        self.assertEqual(self.lint(), (0, []))

    def test_each_rule_fires(self):
        for rule, path, text, line, word in BROKEN:
            with self.subTest(rule=rule, path=path, word=word):
                self.write({path: text})
                status, output = self.lint()
                self.assertEqual(status, 1)
                shown = os.path.dirname(path) if rule == "readme" else path
                begin = f"{shown}:{line}: {rule}: "
                found = [entry for entry in output if entry.startswith(begin) and word in entry]
                self.assertEqual(len(found), 1, output)
                os.unlink(os.path.join(self.root, path))

    def test_each_banned_call_fires(self):
        for name in BANNED:
            with self.subTest(name=name):
                self.write({"daemon/base/x.c": c_function([f"{name} (x);"])})
                status, output = self.lint()
                self.assertEqual(status, 1)
                self.assertEqual(len(output), 1)
                self.assertIn(f"daemon/base/x.c:6: banned-call: {name} ", output[0])

    def test_every_violation_is_printed(self):
        self.write({"daemon/base/x.c": C + "\tint x;\n\tint y;\n", "daemon/base/y.c": C + "int x; \n"})
        self.assertEqual(len(self.lint()[1]), 3)

    def test_ignored_files_are_left_alone(self):
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        subprocess.run(["git", "init", "-q", self.root], check=True, env=environment)
        self.write({".gitignore": "/out/\n", "out/x.c": "\t\n", "daemon/base/new.c": "\n"})
        status, output = self.lint()
        self.assertEqual(status, 1)
        self.assertEqual([entry.split(" ")[0] for entry in output], ["daemon/base/new.c:1:"])

    def test_list_has_every_rule(self):
        status, output = self.lint("--list")
        rules = {entry.split(":")[0] for entry in output}
        self.assertEqual(status, 0)
        self.assertEqual(rules, {entry[0] for entry in BROKEN} | {"banned-call"})


if __name__ == "__main__":
    unittest.main()
