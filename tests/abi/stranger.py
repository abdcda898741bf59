#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# The machine of somebody who has Cepa installed, and nothing of its tree: a folder into which it was installed.
import os
import shutil
import subprocess
import tempfile
import unittest

BUILD = os.environ.get("CEPA_BUILD", os.path.join(os.getcwd(), "build"))


def run(*command, cwd=None, env=None, timeout=600):
    return subprocess.run(command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, timeout=timeout)


class StrangerTest(unittest.TestCase):
    """self.root: the installation. self.env: finds it. self.folder: empty."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp(prefix="cepa-stranger-")
        cls.addClassCleanup(shutil.rmtree, cls.scratch)
        os.chmod(cls.scratch, 0o755)
        cls.root = os.path.join(cls.scratch, "root")
        installed = run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", cls.root)
        if installed.returncode:
            raise RuntimeError(installed.stdout)
        pc = cls.find("cepa-1.pc")
        programs = os.path.dirname(cls.find("cepa-plugin-check"))
        cls.env = {key: value for key, value in os.environ.items()
                   if key in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")}
        cls.env["PATH"] = programs + ":" + cls.env["PATH"]
        cls.env["PKG_CONFIG_PATH"] = os.path.dirname(pc)
        cls.env["PKG_CONFIG_SYSROOT_DIR"] = cls.root
        # GLib is a package of the system: in the root, it is where it is outside.
        flags = run("pkg-config", "--cflags-only-I", "--libs-only-L", "glib-2.0", "gio-2.0").stdout.split()
        for path in {flag[2:] for flag in flags}:
            inside = cls.root + path
            os.makedirs(os.path.dirname(inside), exist_ok=True)
            os.symlink(path, inside)

    @classmethod
    def find(cls, name):
        for folder, _, files in os.walk(cls.root):
            if name in files:
                return os.path.join(folder, name)
        raise RuntimeError(f"{name} was not installed")

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=self.scratch)
        os.chmod(self.folder, 0o755)

    def succeed(self, *command, cwd=None):
        result = run(*command, cwd=cwd or self.folder, env=self.env)
        self.assertEqual(result.returncode, 0, f"{' '.join(command)}\n{result.stdout}")
        return result.stdout
