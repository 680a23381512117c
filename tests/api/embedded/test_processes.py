"""An embedded store and ``fork``: the child gets a typed error at once, and the lock is the parent's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.wal.errors import Conflict
from ops.forks import ended_well

DIM = 2
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def in_child(work: Callable[[], object]) -> bool:
    """Whether the work went well in a forked child."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return ended_well(child)


def test_an_inherited_store_is_a_typed_error_in_the_child(tmp_path: Path) -> None:
    """Row 12 of operations: the child hung."""
    with api.open_blocking(tmp_path, dim=DIM) as store:
        store.insert(1, np.ones(DIM))
        feed = store.changes()
        next(feed)

        def use() -> None:
            calls: list[Callable[[], Any]] = [
                lambda: store.insert(2, np.ones(DIM)),
                lambda: store.count(),
                lambda: store.search(np.ones(DIM), min_lsn=10),
                lambda: store.stats(),
                lambda: next(feed),
            ]
            for call in calls:
                with pytest.raises(Conflict) as caught:
                    call()
                assert caught.value.code == "other_process"
            store.close()

        assert in_child(use)
        assert store.insert(2, np.ones(DIM)).id == 2  # the child has closed nothing
        assert store.count() == 2


def test_the_lock_is_gone_at_close_although_a_child_lives_on(tmp_path: Path) -> None:
    """Row 12: the lock outlived its owner, and named a process that was dead."""
    goes_on, stop = os.pipe()
    with api.open_blocking(tmp_path, dim=DIM):
        child = os.fork()
        if child == 0:
            os.read(goes_on, 1)
            os._exit(0)
    try:
        with api.open_blocking(tmp_path) as store:
            assert store.get_index().dim == DIM
    finally:
        os.write(stop, b".")
        os.waitpid(child, 0)
        os.close(goes_on)
        os.close(stop)


def test_a_child_opens_the_store_once_its_parent_has_closed_it(tmp_path: Path) -> None:
    store = api.open_blocking(tmp_path, dim=DIM)
    closed, has_closed = os.pipe()

    def take_over() -> None:
        os.read(closed, 1)
        with api.open_blocking(tmp_path) as own:
            own.insert(1, np.ones(DIM))

    child = os.fork()
    if child == 0:
        status = 1
        try:
            take_over()
            status = 0
        finally:
            os._exit(status)
    store.close()
    os.write(has_closed, b".")
    assert ended_well(child)
    os.close(closed)
    os.close(has_closed)
    with api.open_blocking(tmp_path) as again:
        assert again.count() == 1


@pytest.mark.parametrize("end", ["", "raise SystemExit(0)", "os.fork()"])
def test_a_program_that_never_closes_its_store_ends(tmp_path: Path, end: str) -> None:
    program = (
        "import os, sys, asteroid_cloud.api as api\n"
        "store = api.open_blocking(sys.argv[1], dim=2)\n"
        f"store.insert(1, [1.0, 2.0])\n{end}\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], timeout=60, check=True)
    assert done.returncode == 0
    with api.open_blocking(tmp_path) as store:
        assert store.count() == 1
