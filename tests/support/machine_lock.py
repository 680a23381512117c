"""Which tests run at the same time when several processes run them: those marked ``serial`` run alone.

Each test holds a lock while it runs: shared with the others, or exclusive. A test that wants it exclusive
waits until all running tests have ended, and in every process the next tests wait for it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GATE = Path(__file__)
MACHINE = Path(__file__).with_name("running_order.py")
"""The files that are locked. They exist anyway, so nothing is left behind."""


@contextmanager
def holding_the_machine(*, alone: bool, gate: Path = GATE, machine: Path = MACHINE) -> Iterator[None]:
    """Holds it while the block runs, among all processes that test this working copy."""
    with _locked(gate, fcntl.LOCK_EX):
        # Whoever has passed the gate is next: the others cannot keep it waiting by taking turns.
        held = _lock(machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    try:
        yield
    finally:
        _unlock(held)


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    file = _lock(path, kind)
    try:
        yield
    finally:
        _unlock(file)


def _lock(path: Path, kind: int) -> int:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(file, kind)
    return file


def _unlock(file: int) -> None:
    fcntl.flock(file, fcntl.LOCK_UN)  # closing is not enough: a forked process may have the file open, too
    os.close(file)
