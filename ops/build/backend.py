"""The build backend: setuptools, after the C++ headers that the build needs have been fetched.

hnswlib's own headers are taken from its source archive on the package index, pinned by hash in
hnswlib.txt, and never copied into this repository. They and pybind11's go on CPLUS_INCLUDE_PATH,
which compilers treat as system headers, so our warnings-as-errors do not apply to them.

HNSWLIB_INCLUDE_DIR=DIR   use these headers instead (DIR holds hnswlib/hnswlib.h)
ASTEROID_NO_FETCH=1       fail rather than fetch
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  (a backend is its module's names)

HERE = Path(__file__).resolve().parent
DEPS = HERE.parents[1] / "build" / "_deps"
PIN = HERE / "hnswlib.txt"


def _download() -> Path:
    """Fetch and unpack the pinned archive; pip checks the hash, through the user's own pip settings."""
    if os.environ.get("ASTEROID_NO_FETCH"):
        raise SystemExit("hnswlib's headers are missing: set HNSWLIB_INCLUDE_DIR, or unset ASTEROID_NO_FETCH")
    DEPS.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=hnswlib"]
    command += ["--no-build-isolation", "--require-hashes", "--dest", str(DEPS), "-r", str(PIN)]
    # If they stayed, pip's nested build would use this backend as well.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("_PYPROJECT_HOOKS")}
    subprocess.run(command, check=True, env=clean)
    with tarfile.open(DEPS / "hnswlib-0.8.0.tar.gz") as archive:
        archive.extractall(DEPS, filter="data")
    (DEPS / "hnswlib-0.8.0").rename(DEPS / "hnswlib")
    return DEPS / "hnswlib"


def _headers() -> Path:
    given = os.environ.get("HNSWLIB_INCLUDE_DIR")
    if given:
        return Path(given)
    unpacked = DEPS / "hnswlib"
    return unpacked if (unpacked / "hnswlib" / "hnswlib.h").is_file() else _download()


def _prepare() -> None:
    import pybind11

    paths = [str(_headers()), pybind11.get_include(), os.environ.get("CPLUS_INCLUDE_PATH", "")]
    os.environ["CPLUS_INCLUDE_PATH"] = os.pathsep.join(path for path in paths if path)


def build_wheel(
    wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None
) -> str:
    """PEP 517: build a wheel."""
    _prepare()
    return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(
    wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None
) -> str:
    """PEP 660: build an editable wheel."""
    _prepare()
    return build_meta.build_editable(wheel_directory, config_settings, metadata_directory)
