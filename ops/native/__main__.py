"""Builds the C++ core with CMake and runs its tests; a tool that is not installed is named and skipped.

    python -m ops.native [--sanitize address|thread] [--benchmark]

The exit status is 1 when something does not build or a test fails.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).resolve().parent
SKIPPED = "SKIPPED: "
OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": f"halt_on_error=1:detect_deadlocks=0:suppressions={SOURCE / 'tsan.txt'}",
}
"""Deadlocks are not looked for: hnswlib locks nodes in any order, though none is met before it is linked."""


def _run(command: list[str]) -> None:
    if subprocess.run(command, cwd=ROOT, env={**OPTIONS, **os.environ}, check=False).returncode:
        raise SystemExit(1)


def build(sanitize: str) -> Path:
    """Configures and builds; returns the folder."""
    sys.path.insert(0, str(ROOT / "ops" / "build"))
    importlib.import_module("sources").libstemmer()
    folder = ROOT / "build" / f"native{'-' + sanitize if sanitize else ''}"
    _run(["cmake", "-S", str(SOURCE), "-B", str(folder), f"-DSANITIZE={sanitize}"])
    _run(["cmake", "--build", str(folder), "--parallel", str(os.cpu_count() or 1)])
    return folder


def main() -> None:
    """Parses the command line, builds and runs."""
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m ops.native", description=about)
    parser.add_argument("--sanitize", choices=("address", "thread"), default="", help="instrument everything")
    parser.add_argument("--benchmark", action="store_true", help="measure instead of testing")
    given = parser.parse_args()
    if shutil.which("cmake") is None:
        sys.stdout.write(f"{SKIPPED}CMake is not installed, so the C++ core is not tested by itself\n")
        return
    folder = build(given.sanitize)
    if given.benchmark:
        if (folder / "core_benchmarks").exists():
            _run([str(folder / "core_benchmarks")])
        else:
            sys.stdout.write(f"{SKIPPED}Google Benchmark is not installed\n")
    elif (folder / "CTestTestfile.cmake").exists():
        _run(["ctest", "--test-dir", str(folder), "--output-on-failure"])
    else:
        sys.stdout.write(f"{SKIPPED}GoogleTest is not installed, so the C++ tests are left out\n")


if __name__ == "__main__":
    main()
