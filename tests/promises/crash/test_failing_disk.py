"""A disk that fails at one operation, or from one on: no caller is told anything untrue.

After a failed sync nothing is acknowledged; on a full disk writes are refused until there is room.
``make crash`` fails every operation in every way.
"""

from __future__ import annotations

from itertools import count

import pytest

from asteroid_cloud.indexer import Engine
from asteroid_cloud.wal.errors import NoSpace
from tests.promises.power.check import ROOT
from tests.promises.power.failing import fail_at
from tests.promises.power.recording import MappableFiles
from tests.promises.power.script import OPTIONS
from tests.promises.power.stored import DIM
from tests.support.engines import contents, u64, vectors
from tests.support.faulty_files import Fault, FaultyFiles


@pytest.mark.slow_first
@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for ever"])
@pytest.mark.parametrize(
    ("fault", "kinds", "step"),
    [
        (Fault.IO_ERROR, ("sync", "sync_dir"), 1),
        (Fault.IO_ERROR, (), 7),
        (Fault.SHORT_NO_SPACE, ("create", "write"), 5),
        (Fault.NO_SPACE, ("write",), 7),
        (Fault.SHORT_IO_ERROR, ("write",), 7),
    ],
    ids=["sync", "any", "full", "full at once", "torn"],
)
def test_an_operation_that_fails(fault: Fault, kinds: tuple[str, ...], step: int, for_ever: bool) -> None:
    for number in count(1, step):
        if not fail_at(number, fault, *kinds, for_ever=for_ever):
            break
    assert number > 25, "the run has so many operations"


@pytest.mark.anyio
async def test_a_store_with_a_torn_tail_opens_on_a_full_disk() -> None:
    """Reads work at once, writes as soon as there is room, without a restart."""
    files = MappableFiles()
    async with Engine.open(ROOT, OPTIONS, files=files) as engine:
        await engine.ready()
        await engine.create_index(DIM, "l2")
        await engine.upsert(u64(1, 2), vectors(2, DIM), None)
    [log] = [path for path in files.contents if path.endswith(".wal")]
    files.contents[log] += files.contents[log][-70:-3]
    full = FaultyFiles(files)
    full.arm(1, Fault.SHORT_NO_SPACE, "create", "write", for_ever=True)
    async with Engine.open(ROOT, OPTIONS, files=full) as engine:
        await engine.ready()
        assert sorted(contents(engine)) == [1, 2]
        for call in (engine.upsert(u64(3), vectors(1, DIM), None), engine.delete(u64(1))):
            with pytest.raises(NoSpace):
                await call
        full.disarm()
        await engine.delete(u64(1))
        await engine.flush()
        assert sorted(contents(engine)) == [2]
    async with Engine.open(ROOT, OPTIONS, files=files) as engine:
        await engine.ready()
        assert sorted(contents(engine)) == [2]
