"""Kills a run of the real engine, on the real disk, at its system calls that change something; needs strace.

    python -m tests.promises.power.syscalls --every 3

A run is a separate process, which writes to a pipe what its callers were told. It is killed as it enters one
write, fdatasync, fsync, rename, unlink or ftruncate; in the next run, as it enters a later one. After each
kill the store is opened twice and compared with what was told. The first violation ends it with exit status
1.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

import anyio

from asteroid_cloud.indexer import Engine
from asteroid_cloud.wal.errors import AsteroidError
from tests.promises.power.check import Violation, contents_of
from tests.promises.power.script import OPTIONS, Script, Told, run
from tests.promises.power.stored import Contents, Stored

CALLS = ("write", "fdatasync", "fsync", "rename", "unlink", "ftruncate")
SEED, STEPS = 4, 10
RUN_S_MAX = 60.0


async def work(path: str) -> None:
    """The run that is killed: notes are lines on standard output, each written at once."""

    def note(kind: str, number: int) -> None:
        sys.stdout.write(f"{kind} {number}\n")
        sys.stdout.flush()

    async with Engine.open(path, OPTIONS) as engine:
        await engine.ready()
        await run(Script(SEED, STEPS).steps, engine, note)


async def found_in(path: str) -> Contents:
    """What the store holds."""
    async with Engine.open(path, OPTIONS) as engine:
        await engine.ready()
        return contents_of(engine)


def run_killed(call: str, number: int, folder: Path) -> tuple[bool, list[str]]:
    """Runs until that call of that kind; returns whether the run got there, and the notes."""
    tracer = ["strace", "-f", "-qq", "-o", "/dev/null", f"--trace={call}"]
    tracer.append(f"--inject={call}:signal=KILL:when={number}")
    program = [sys.executable, "-m", "tests.promises.power.syscalls", "--work", str(folder)]
    done = subprocess.run(
        [*tracer, *program], stdout=subprocess.PIPE, text=True, timeout=RUN_S_MAX, check=False
    )
    if done.returncode > 0:
        raise Violation(f"{call} {number}: the run ended with status {done.returncode}")
    return done.returncode < 0, done.stdout.splitlines()


def check_kill(call: str, number: int, folder: Path) -> bool:
    """Kills one run and checks the store; False when the run has fewer calls. Raises Violation."""
    killed, notes = run_killed(call, number, folder)
    told = Told(Script(SEED, STEPS).steps, Stored(None))
    for line in notes:
        kind, _, which = line.partition(" ")
        told.take(kind, int(which))
    for time_ in ("first", "second"):
        try:
            found = anyio.run(found_in, str(folder))
        except AsteroidError as error:
            raise Violation(f"{call} {number}, {time_} start: {error}") from error
        if found not in told.allowed:
            raise Violation(f"{call} {number}, {time_} start: {found}, not one of {sorted(told.allowed)}")
    return killed


def check_all(every: int) -> dict[str, int]:
    """Kills at each ``every``-th call of each kind; how many kills there were of each."""
    kills = dict.fromkeys(CALLS, 0)
    with tempfile.TemporaryDirectory() as base:
        for call in CALLS:
            for number in count(1, every):
                folder = Path(base) / "store"
                shutil.rmtree(folder, ignore_errors=True)
                if not check_kill(call, number, folder):
                    break
                kills[call] += 1
    return kills


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.promises.power.syscalls", description=__doc__)
    parser.add_argument("--every", type=int, default=3, help="kill at each such call of a kind")
    parser.add_argument("--work", default=None, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if arguments.work is not None:
        anyio.run(work, arguments.work)
        return
    if shutil.which("strace") is None:
        sys.exit("this needs strace")
    started = time.monotonic()
    try:
        kills = check_all(arguments.every)
    except Violation as violation:
        sys.exit(f"VIOLATION: {violation}")
    told = ", ".join(f"{number} × {call}" for call, number in kills.items())
    sys.stdout.write(f"killed at {told}; {time.monotonic() - started:.0f} s, no violation\n")


if __name__ == "__main__":
    main()
