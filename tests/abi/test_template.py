#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# sdk/template is built and passes its test with nothing but what was installed.
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stranger import StrangerTest, unittest  # noqa: E402: it is found by the line above


class TemplateTest(StrangerTest):
    def copy_template(self):
        project = os.path.join(self.folder, "mine")
        shutil.copytree(os.path.dirname(self.find("mine.plugin.in")), project)
        return project

    def test_variables(self):
        plugins = self.succeed("pkg-config", "--variable=plugindir", "cepa-1").strip()
        self.assertTrue(os.path.isfile(os.path.join(self.root + plugins.replace(self.root, ""), "path", "weighted",
                                                    "weighted.so")), plugins)
        self.assertRegex(self.succeed("pkg-config", "--variable=abi", "cepa-1"), r"^1\.\d+\n$")
        template = self.succeed("pkg-config", "--variable=templatedir", "cepa-1").strip().replace(self.root, "")
        self.assertTrue(os.path.isfile(self.root + template + "/mine.c"), template)
        self.assertIn("cepa-1", self.succeed("pkg-config", "--cflags", "cepa-1"))

    def test_manuals(self):
        """Each is installed where man looks."""
        pages = {page for page in os.listdir("docs") if page.endswith(".1")}
        self.assertGreaterEqual(len(pages), 3)
        self.assertEqual(set(os.listdir(os.path.dirname(self.find("cepa.1")))), pages)

    def test_it_is_not_of_the_tree(self):
        """The copy knows nothing of where it came from, and the compiler finds the headers in the root only."""
        project = self.copy_template()
        self.succeed("meson", "setup", "build", cwd=project)
        with open(os.path.join(project, "build", "compile_commands.json"), encoding="utf-8") as file:
            commands = file.read()
        self.assertIn(self.root, commands)
        self.assertNotIn(os.path.join(os.getcwd(), "sdk"), commands)

    def test_build_and_test(self):
        project = self.copy_template()
        self.succeed("meson", "setup", "--werror", "build", cwd=project)
        self.succeed("meson", "compile", "-C", "build", cwd=project)
        said = self.succeed("meson", "test", "-C", "build", "-v", cwd=project)
        self.assertIn("0 broken", said)
        self.assertRegex(said, r"Ok:\s+2")
        self.succeed("meson", "install", "-C", "build", "--destdir", os.path.join(self.folder, "there"), cwd=project)
        installed = sorted(name for _, _, names in os.walk(os.path.join(self.folder, "there")) for name in names)
        self.assertEqual(installed, ["mine.plugin", "mine.so"])

    def test_a_mistake_is_found(self):
        project = self.copy_template()
        path = os.path.join(project, "mine.c")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        wrong = text.replace("weights[row] = ", "weights[row + 1] = ")
        self.assertNotEqual(text, wrong)
        with open(path, "w", encoding="utf-8") as file:
            file.write(wrong)
        self.succeed("meson", "setup", "build", cwd=project)
        self.succeed("meson", "compile", "-C", "build", cwd=project)
        with self.assertRaisesRegex(AssertionError, "weigh wrote behind the weights"):
            self.succeed("meson", "test", "-C", "build", "-v", cwd=project)


if __name__ == "__main__":
    unittest.main()
