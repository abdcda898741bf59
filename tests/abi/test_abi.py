#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# The headers: each compiles alone, everything has a comment, and the interface is what was recorded; and each of these
# checks is seen to fail on a copy that was changed.
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import abi  # noqa: E402: it is found by the line above
import headers as public  # noqa: E402

HEADERS = sorted(name for name in os.listdir(os.path.join(abi.HEADERS, "cepa")) if name.endswith(".h"))
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]


def compile_alone(compiler, name, folder=abi.HEADERS):
    """Compiles a file that includes one header, twice. GLib's headers count as the system's."""
    glib = subprocess.run(["pkg-config", "--cflags-only-I", "glib-2.0"], capture_output=True, text=True,
                          check=True).stdout.split()
    system = [part for flag in glib for part in ("-isystem", flag[2:])]
    is_c = compiler == "gcc"
    language = ["-x", "c", "-std=c11"] if is_c else ["-x", "c++", "-std=c++11"]
    result = subprocess.run([compiler, *language, *WARNINGS, *system, "-I", folder, "-fsyntax-only", "-"],
                            input=f"#include <cepa/{name}>\n#include <cepa/{name}>\nint main (void);\n",
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return result.stdout if result.returncode else ""


class Copy(unittest.TestCase):
    """A copy of the headers, the README and the records, to be changed."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="cepa-abi-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.readme = os.path.join(self.folder, "README.md")
        self.records = os.path.join(self.folder, "records")
        shutil.copytree(os.path.join(abi.HEADERS, "cepa"), os.path.join(self.folder, "cepa"))
        shutil.copy(abi.README, self.readme)
        os.mkdir(self.records)
        for name in os.listdir(abi.HERE):
            if name.endswith((".abi", ".c")):
                shutil.copy(os.path.join(abi.HERE, name), self.records)

    def change(self, name, old, new):
        path = os.path.join(self.folder, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(text.count(old), 1, f"{name} does not have this once: {old}")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    def find_problems(self):
        return "\n".join(abi.find_problems(self.folder, self.readme, self.records))


class HeadersTest(Copy):
    def test_each_alone(self):
        for compiler in ("gcc", "g++"):
            for name in HEADERS:
                with self.subTest(compiler=compiler, header=name):
                    self.assertEqual(compile_alone(compiler, name), "")

    def test_one_that_is_not_alone(self):
        self.change("cepa/path.h", "#include <cepa/network.h>\n", "")
        self.change("cepa/path.h", "#include <cepa/host.h>\n", "")
        self.assertIn("CepaNetworkView", compile_alone("gcc", "path.h", self.folder))

    def test_comments(self):
        found = public.Headers(os.path.join(abi.HEADERS, "cepa"))
        self.assertEqual(found.uncommented, [])
        self.assertGreater(sum(len(struct.members) for struct in found.structs), 150)
        self.assertGreater(len(found.functions), 30)

    def test_comments_that_are_missing(self):
        self.change("cepa/path.h", "  uint32_t outcome;  /* CepaPathOutcome */", "  uint32_t outcome;")
        self.change("cepa/network.h", " * @n_relays: how many rows there are; 0 is possible\n", "")
        self.change("cepa/host.h", "  /* cepa_host_fail() */\n", "")
        self.change("cepa/loop.h", "/* Watches for other CEPA_WATCH_* from now on; 0 waits for errors only. */\n", "")
        self.change("cepa/metrics.h", "/* What a metric is, as Prometheus has it. */\n", "")
        self.change("cepa/padding-event.h", "/* An event. It never grows. */\n", "")
        found = public.Headers(os.path.join(self.folder, "cepa"))
        self.assertEqual({what for _, _, what in found.uncommented},
                         {"CepaPathResult.outcome", "CepaNetworkView.n_relays", "CepaHost.fail", "cepa_host_watch_set",
                          "CepaMetricType", "CepaPaddingEvent"})

    def test_each_is_installed(self):
        with open(os.path.join(abi.HEADERS, "meson.build"), encoding="utf-8") as file:
            installed = re.findall(r"'cepa/([a-z-]+\.h)'", file.read())
        self.assertEqual(sorted(set(installed)), HEADERS)
        with open(os.path.join(abi.HEADERS, "cepa", "cepa.h"), encoding="utf-8") as file:
            included = re.findall(r"#include <cepa/([a-z-]+\.h)>", file.read())
        self.assertEqual(set(HEADERS) - set(included) - {"cepa.h", "event.h"}, set())


class RecordTest(Copy):
    def test_as_recorded(self):
        self.assertEqual("\n".join(abi.find_problems()), "")

    def test_member_in_the_middle(self):
        self.change("cepa/relay.h", "  uint16_t or_port; ", "  uint32_t new_member; /* new */\n  uint16_t or_port; ")
        problems = self.find_problems()
        self.assertIn("plugins that were built for version 1.0 would break", problems)
        self.assertIn("raise CEPA_ABI_MINOR", problems)

    def test_member_that_is_gone(self):
        self.change("cepa/transport.h", "  uint32_t reserved;            /* 0 */\n", "")
        self.assertIn("would break", self.find_problems())

    def test_member_of_another_type(self):
        self.change("cepa/relay.h", "  uint32_t bandwidth; ", "  int32_t bandwidth; ")
        self.assertIn("raise CEPA_ABI_MINOR", self.find_problems())

    def test_function_with_another_argument(self):
        self.change("cepa/host.h", "int64_t (*wall_s) (const CepaHost *self);",
                    "int64_t (*wall_s) (const CepaHost *self, int zone);")
        self.change("cepa/services.h", "host->wall_s (host)", "host->wall_s (host, 0)")
        self.assertIn("raise CEPA_ABI_MINOR", self.find_problems())

    def test_enumerator_of_another_value(self):
        self.change("cepa/path.h", "  CEPA_PATH_TIMEOUT = 2,", "  CEPA_PATH_TIMEOUT = 3,")
        self.assertIn("would break", self.find_problems())

    def test_constant_of_another_value(self):
        self.change("cepa/relay.h", "#define CEPA_PROTOCOL_RELAY_6 (UINT64_C (1) << 18)",
                    "#define CEPA_PROTOCOL_RELAY_6 (UINT64_C (1) << 19)")
        self.assertIn("would break", self.find_problems())

    def test_symbol_of_another_name(self):
        self.change("cepa/plugin.h", '"cepa_plugin_v1"', '"cepa_plugin_v2"')
        self.assertIn("would break", self.find_problems())

    def test_wrapper_with_another_argument(self):
        self.change("cepa/metrics.h", "cepa_metrics_want (const CepaHost *host, uint32_t kinds)",
                    "cepa_metrics_want (const CepaHost *host, uint32_t kinds, int more)")
        self.assertIn("would break", self.find_problems())

    def check_added(self, name, old, new):
        """What is new changes nobody's place, and is there without a new version all the same."""
        self.change(name, old, new + old)
        problems = self.find_problems()
        self.assertIn("raise CEPA_ABI_MINOR", problems)
        self.assertNotIn("would break", problems)

    def test_enumerator_that_is_new(self):
        self.check_added("cepa/padding.h", "  CEPA_PADDING_NEGOTIATE = 4,", "  CEPA_PADDING_REST = 5, /* new */\n")

    def test_flag_that_is_new(self):
        self.check_added("cepa/path-request.h", "  CEPA_PATH_IPV6 = 1u << 1,", "  CEPA_PATH_SHORT = 1u << 9, /* new */\n")

    def test_constant_that_is_new(self):
        self.check_added("cepa/relay.h", "#define CEPA_PROTOCOL_RELAY_6", "#define CEPA_PROTOCOL_RELAY_7 (UINT64_C (1) << 19) /* new */\n")

    def test_wrapper_that_is_new(self):
        self.check_added("cepa/loop.h", "/* Frees a timer; 0 is allowed. Also from its own function. */",
                         "/* New. */\nstatic inline int\ncepa_host_timer_is_set (const CepaHost *host, uint64_t timer)\n"
                         "{\n  return host != NULL && timer != 0;\n}\n\n")

    def test_struct_that_never_grows(self):
        self.change("cepa/padding-event.h", "  uint32_t count; /* how many", "  uint32_t more; /* new */\n  uint32_t count; /* how many")
        self.assertIn("would break", self.find_problems())

    def grow(self):
        self.change("cepa/metrics.h", "  void (*want) (const CepaHost *host, uint32_t kinds);\n",
                    "  void (*want) (const CepaHost *host, uint32_t kinds);\n\n  /* New. */\n"
                    "  void (*forget) (const CepaHost *host);\n")

    def test_growth_without_a_bump(self):
        self.grow()
        problems = self.find_problems()
        self.assertIn("raise CEPA_ABI_MINOR", problems)
        self.assertNotIn("would break", problems)

    def bump(self):
        """Returns: the version now, and the next, which the headers have from here on."""
        minor = abi.read_version(self.folder)[1]
        self.change("cepa/version.h", f"#define CEPA_ABI_MINOR {minor}", f"#define CEPA_ABI_MINOR {minor + 1}")
        return f"1.{minor}", f"1.{minor + 1}"

    def test_bump_without_a_line(self):
        self.grow()
        _, later = self.bump()
        self.assertIn(f"has no line {later}", self.find_problems())
        self.assertIn(f"has no line {later}", abi.record(self.folder, self.readme, self.records))

    def test_growth_as_it_should_be(self):
        self.grow()
        now, later = self.bump()
        with open(self.readme, encoding="utf-8") as file:
            row = re.search(rf"^\| {re.escape(now)} \|.*\n", file.read(), re.MULTILINE).group(0)
        self.change("README.md", row, row + f"| {later} | not yet | CepaMetricsHost.forget |\n")
        self.assertIn("was not recorded", self.find_problems())
        self.assertIsNone(abi.record(self.folder, self.readme, self.records))
        self.assertEqual(self.find_problems(), "")

    def test_released_is_not_recorded_again(self):
        version = "{}.{}".format(*abi.read_version(self.folder))
        self.change("README.md", f"| {version} | not yet |", f"| {version} | 0.1.0 |")
        self.grow()
        self.assertIn("was released", abi.record(self.folder, self.readme, self.records))


if __name__ == "__main__":
    unittest.main()
