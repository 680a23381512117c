"""Builds the native code with ASan and UBSan, apart from the normal build, and runs the tests that use it.

    python -m ops.sanitize [--fuzz-cases 10000]

The package is installed a second time, into build/sanitize, which comes first on PYTHONPATH; the
environment and its modules are not changed. The exit status is 1 at the first report or failed test.
It needs GCC, whose runtime libraries must be loaded before Python.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "sanitize"
PACKAGES = BUILD / "packages"
# libstdc++ too: ASan looks for the function that throws exceptions when it starts, and Python has none.
RUNTIMES = ("libasan.so", "libubsan.so", "libstdc++.so.6")
MODULES = ("asteroid_cloud.indexer.native.core", "asteroid_cloud.api.wire.native.core")
MARKS = (b"__asan_report_load", b"__ubsan_handle_")
ROUTED = ("batch", "bulk", "optional_vectors", "search", "write")
ROUTES = (f"tests/api/routes/test_{name}.py" for name in ROUTED)
TESTS = ("tests/indexer", "tests/query", "tests/api/wire", *ROUTES)
BUILDING = {"ASTEROID_SANITIZE": "1", "PYTHONWARNINGS": "ignore"}
TEST_SECONDS = 900  # for one test: everything is many times slower


def build() -> None:
    """Installs the package, sanitised, into PACKAGES."""
    shutil.rmtree(PACKAGES, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(PACKAGES), "."]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **BUILDING}, check=True)


def runtime(name: str) -> str:
    """Where the compiler keeps one of its libraries."""
    command = [os.environ.get("CXX", "g++"), f"-print-file-name={name}"]
    path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(path).is_absolute():
        raise SystemExit(f"the compiler has no {name}")
    return path


def environment() -> dict[str, str]:
    """The environment in which Python runs the sanitised modules and stops at the first report."""
    return {
        **os.environ,
        "PYTHONPATH": str(PACKAGES),
        "PYTHONMALLOC": "malloc",  # Python's own pools would hide a read beyond a small object
        "LD_PRELOAD": " ".join(map(runtime, RUNTIMES)),
        # Python never frees all its memory, and some tests ask for a huge array on purpose.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def check_modules(variables: dict[str, str]) -> None:
    """Checks that the sanitised modules are the ones that are tested; raises SystemExit otherwise."""
    for module in MODULES:
        command = [sys.executable, "-c", f"import {module} as m; print(m.__file__)"]
        done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
        path = Path(done.stdout.strip())
        content = path.read_bytes()
        if PACKAGES not in path.parents or not all(mark in content for mark in MARKS):
            raise SystemExit(f"{path} is not sanitised")


def main() -> None:
    """Parses the command line, builds and runs."""
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m ops.sanitize", description=about)
    parser.add_argument("--fuzz-cases", type=int, default=10_000, help="damaged files (default 10000)")
    given = parser.parse_args()
    build()
    variables = environment()
    check_modules(variables)
    # Reports go to the real standard error, and the sanitiser handles crashes.
    pytest = [sys.executable, "-m", "pytest", "--capture=sys", "-p", "no:faulthandler"]
    pytest += ["-o", f"timeout={TEST_SECONDS}", *TESTS]
    fuzz = [sys.executable, "-m", "ops.fuzz", "--cases", str(given.fuzz_cases)]
    for command in (pytest, fuzz):
        if subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
