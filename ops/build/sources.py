"""Sources of others that the build needs: hnswlib's headers, and libstemmer's C.

They are taken from source archives on the package index, pinned by hash in the text files beside this one,
and never copied into this repository.

HNSWLIB_INCLUDE_DIR=DIR   use these headers instead (DIR holds hnswlib/hnswlib.h)
LIBSTEMMER_DIR=DIR        use this libstemmer instead (DIR holds include, runtime, src_c and libstemmer). It
                          must give the stems of the pinned version, which are in stored text indexes
ASTEROID_NO_FETCH=1       fail rather than fetch
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEPS = HERE.parents[1] / "build" / "_deps"


@dataclass(frozen=True)
class Source:
    """An archive, and what is wanted of it."""

    package: str
    archive: str
    """Its name, and that of its folder, without the ending."""
    folder: str
    """What of it is kept, under the package's name; "" for all."""
    proof: str
    """A file that is there when all is."""
    variable: str
    """Of the environment: a folder to be used instead."""

    @property
    def target(self) -> Path:
        """Where it is kept."""
        return DEPS / self.pin

    @property
    def pin(self) -> str:
        """The name of the pin, and of the folder."""
        return "hnswlib" if self.package == "hnswlib" else "libstemmer"


HNSWLIB = Source("hnswlib", "hnswlib-0.8.0", "", "hnswlib/hnswlib.h", "HNSWLIB_INCLUDE_DIR")
LIBSTEMMER = Source(
    "PyStemmer", "PyStemmer-2.0.1", "libstemmer_c", "libstemmer/libstemmer_utf8.c", "LIBSTEMMER_DIR"
)


def hnswlib() -> Path:
    """The folder of hnswlib's headers, which are fetched if need be."""
    return _found(HNSWLIB)


def libstemmer() -> Path:
    """The folder of libstemmer's sources, which are fetched if need be."""
    return _found(LIBSTEMMER)


def _found(source: Source) -> Path:
    given = os.environ.get(source.variable)
    if given:
        return Path(given)
    if not (source.target / source.proof).is_file():
        _download(source)
    return source.target


def _download(source: Source) -> None:
    """Fetches and unpacks the pinned archive; pip checks the hash, through the user's own pip settings."""
    if os.environ.get("ASTEROID_NO_FETCH"):
        raise SystemExit(f"{source.pin} is missing: set {source.variable}, or unset ASTEROID_NO_FETCH")
    DEPS.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        f"--no-binary={source.package}",
    ]
    command += ["--no-build-isolation", "--require-hashes", "--dest", str(DEPS)]
    command += ["-r", str(HERE / f"{source.pin}.txt")]
    # If they stayed, pip's nested build would use this project's backend as well.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("_PYPROJECT_HOOKS")}
    subprocess.run(command, check=True, env=clean)
    unpacked = DEPS / source.archive
    with tarfile.open(DEPS / f"{source.archive}.tar.gz") as archive:
        archive.extractall(DEPS, filter="data")
    shutil.rmtree(source.target, ignore_errors=True)
    (unpacked / source.folder).rename(source.target)
    shutil.rmtree(unpacked, ignore_errors=True)
