# SPDX-License-Identifier: BSD-3-Clause
# The daemon that is measured: a release build, and what it takes on disk.

import json
import pathlib
import subprocess
import tempfile

from tests.benchmarks.errors import BenchError
from tests.net.clients import REPOSITORY
from tests.net.process import find_program

BUILD = "build-release"
SETUP = ["tests/setup", "--build", BUILD, "--buildtype=release"]


def make_release_build():
    """Builds what is not built yet and returns the path of cepad."""
    status = subprocess.run(SETUP, cwd=REPOSITORY, check=False).returncode
    if status != 0:
        raise BenchError(f"{' '.join(SETUP)} failed with status {status}; what it said is above.")
    buildtype = read_buildtype(REPOSITORY / BUILD)
    if buildtype != "release":
        raise BenchError(f"{BUILD} was set up with --buildtype={buildtype}.",
                         f"Remove the folder {BUILD}; tests/bench makes it again.")
    return REPOSITORY / BUILD / "daemon/cepad"


def read_buildtype(build):
    """What meson says of a build folder: release, debugoptimized …; None where that cannot be known."""
    try:
        options = json.loads((build / "meson-info/intro-buildoptions.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return next((option["value"] for option in options if option["name"] == "buildtype"), None)


def program_files(binary):
    """The program and, of a cepad in a build folder, its plugins."""
    build = pathlib.Path(binary).resolve().parents[1]
    plugins = sorted((build / "plugins").glob("**/*.so")) if (build / "meson-private").is_dir() else []
    return [pathlib.Path(binary), *plugins]


def stripped_kib(binary):
    """The size of program_files() without symbols."""
    total = 0
    with tempfile.TemporaryDirectory(prefix="cepa-bench-") as folder:
        bare = pathlib.Path(folder) / "bare"
        for path in program_files(binary):
            subprocess.run([find_program("strip"), "-o", bare, path], check=True)
            total += bare.stat().st_size
    return total / 1024


def read_version(binary):
    """The first line of `--version`, without its full stop."""
    result = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    lines = result.stdout.splitlines()
    if result.returncode != 0 or not lines:
        raise BenchError(f"{binary} does not say its version: {result.stderr.strip()}")
    return lines[0].rstrip(".")
