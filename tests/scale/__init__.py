# SPDX-License-Identifier: BSD-3-Clause
# A made-up directory of the public network's size and proportions, signed, for tests and benchmarks.

from tests.scale.diff import make_diff
from tests.scale.directory import Directory, make_directory
from tests.scale.proxy import SilentProxy
from tests.scale.server import ENCODERS, DirectoryServer

__all__ = ["ENCODERS", "Directory", "DirectoryServer", "SilentProxy", "make_diff", "make_directory"]
