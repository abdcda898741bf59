# SPDX-License-Identifier: BSD-3-Clause
# The end of docs/plugin-guide.md on a private network: a policy that was built by a stranger, in a running daemon.

import os
import shutil
import unittest

from tests.abi.stranger import StrangerTest
from tests.net import Cepad, Network
from tests.net.web import PAGE


class PluginGuideTest(StrangerTest):
    def build(self):
        """The template, built with nothing but what was installed. Returns: the folder with the module."""
        project = os.path.join(self.folder, "mine")
        shutil.copytree(os.path.dirname(self.find("mine.plugin.in")), project)
        self.succeed("meson", "setup", "build", cwd=project)
        self.succeed("meson", "compile", "-C", "build", cwd=project)
        build = os.path.join(project, "build")
        for path in (project, build, os.path.join(build, "mine.so"), os.path.join(build, "mine.plugin")):
            os.chmod(path, os.stat(path).st_mode & ~0o022)
        return build

    def test_running(self):
        torrc = (f"PluginDirectory {self.build()}\nPathPolicy mine\nPluginOption path.mine.least-bandwidth 1\n")
        with Network() as net, Cepad(net, torrc=torrc) as cepad:
            cepad.wait_bootstrapped()
            cepad.wait_log(r"path\.mine: weighed the relays", 30)
            result = cepad.curl(net.web_url())
            self.assertEqual((result.returncode, result.body), (0, PAGE.encode()), result)


if __name__ == "__main__":
    unittest.main()
