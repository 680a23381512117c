"""A repair of a log records what it gives up, and nothing when it is known that no record goes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from asteroid_cloud.indexer import DataLoss, EngineOptions, LogRepair, Verification, read_losses
from asteroid_cloud.indexer.loss.loss_record import acknowledge_losses
from asteroid_cloud.indexer.recovery import log_repair
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import StorageError
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from tests.support.engines import contents, opened, u64, vectors
from tests.support.faulty_files import Fault, FaultyFiles

pytestmark = pytest.mark.anyio
FILES = LocalFiles()
OPTIONS = EngineOptions(idle_seal_s=600, idle_flush_s=600, keep_log=True, links_max=4, ef_construction=20)
AT, ROWS = 12, 40
"""The checkpoint, and records of one row behind it."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each test's store is copied from."""
    return tmp_path_factory.mktemp("filled")


@pytest.fixture
async def store(filled: Path, tmp_path: Path) -> Path:
    """Twelve records in a checkpoint, forty behind it, in one file of the log."""
    origin = filled / "store"
    if not origin.exists():
        async with opened(origin, OPTIONS) as engine:
            await engine.create_index(4, "l2")
            for id_ in range(AT - 1):
                await engine.upsert(u64(id_), vectors(1, 4, id_), None)
            await engine.flush()
            for id_ in range(100, 100 + ROWS):
                await engine.upsert(u64(id_), vectors(1, 4, id_), None)
    return Path(shutil.copytree(origin, tmp_path / "store"))


def log_of(store: Path) -> Path:
    return max((store / "wal").glob("*.wal"))


def flip(store: Path, part: float) -> None:
    log = log_of(store)
    data = bytearray(log.read_bytes())
    data[int(len(data) * part)] ^= 0x10
    log.write_bytes(data)


def losses(store: Path) -> DataLoss:
    return read_losses(FILES, str(store))


async def test_row_8_a_repair_that_gives_records_up_says_so_until_that_is_acknowledged(store: Path) -> None:
    flip(store, 0.5)
    done = LogRepair(FILES, str(store)).apply()
    (lost,) = losses(store).records
    assert losses(store).is_open
    assert (lost.first_lsn, lost.last_lsn) == (done.plan.last_lsn + 1, AT + ROWS)
    assert lost.last_lsn - lost.first_lsn > 10
    assert lost.kept
    assert all((store / "wal" / name).exists() for name in lost.kept)
    (finding,) = Verification(FILES, str(store)).run().findings
    assert f"records {lost.first_lsn} to {lost.last_lsn}" in finding.problem
    assert "--acknowledge" in finding.advice
    with pytest.raises(StorageError) as refused:
        async with opened(store, OPTIONS):
            pass
    assert refused.value.code == "degraded"
    assert f"records {lost.first_lsn} to {lost.last_lsn}" in refused.value.message
    acknowledge_losses(FILES, str(store), 7)
    checked = Verification(FILES, str(store)).run()
    assert checked.ok
    assert any("which is acknowledged" in note for note in checked.notes)
    async with opened(store, OPTIONS) as engine:
        assert set(contents(engine)) == {*range(AT - 1), *range(100, 100 + lost.first_lsn - AT - 1)}
        assert (engine.stats().records_lost, engine.stats().degraded) == (52 - lost.first_lsn + 1, False)
    lost_for_good = store / "wal" / lost.kept[0]
    lost_for_good.unlink()
    assert any(lost_for_good.name in note for note in Verification(FILES, str(store)).run().notes)


def in_the_checkpoint(store: Path) -> None:
    flip(store, 0.1)


def torn(store: Path) -> None:
    log_of(store).write_bytes(log_of(store).read_bytes()[:-5])


def torn_behind_damage_in_the_checkpoint(store: Path) -> None:
    flip(store, 0.1)
    torn(store)


def untouched(store: Path) -> None:
    """Nothing."""


@pytest.mark.parametrize("harm", [in_the_checkpoint, torn, torn_behind_damage_in_the_checkpoint, untouched])
async def test_a_repair_that_loses_nothing_raises_no_alarm(store: Path, harm: Callable[[Path], None]) -> None:
    harm(store)
    LogRepair(FILES, str(store)).apply()
    assert losses(store) == DataLoss()
    assert Verification(FILES, str(store)).run().ok
    async with opened(store, OPTIONS) as engine:
        assert len(contents(engine)) >= AT - 1 + ROWS - 1


async def empty_end(store: Path, size: int) -> None:
    """Leaves a log of one file behind the checkpoint: a header that is damaged, and zeros up to ``size``."""
    async with opened(store, OPTIONS) as engine:
        await engine.flush()
    last = AT + ROWS + 1
    for log in (store / "wal").glob("*.wal"):
        log.unlink()
    (store / "wal" / f"{last:020d}.wal").write_bytes(bytes(size))


@pytest.mark.parametrize(("size", "is_lost"), [(FILE_HEADER_BYTES, False), (FILE_HEADER_BYTES + 60, True)])
async def test_what_an_empty_file_cannot_have_held_is_not_lost(store: Path, size: int, is_lost: bool) -> None:
    await empty_end(store, size)
    done = LogRepair(FILES, str(store)).apply()
    assert (done.plan.lost, done.plan.may_lack_more) == (None, is_lost)
    assert [(each.first_lsn, each.last_lsn) for each in losses(store).records] == [(53, None)] * is_lost
    if is_lost:
        acknowledge_losses(FILES, str(store), 7)
    async with opened(store, OPTIONS) as engine:
        assert len(contents(engine)) == AT - 1 + ROWS


async def test_a_repair_that_is_stopped_anywhere_has_recorded_what_is_gone(
    store: Path, tmp_path: Path
) -> None:
    flip(store, 0.5)
    for at in range(1, 100):
        copy = Path(shutil.copytree(store, tmp_path / str(at)))
        before = log_of(copy).read_bytes()
        files = FaultyFiles(FILES)
        files.arm(at, Fault.IO_ERROR, for_ever=True)
        try:
            LogRepair(files, str(copy)).apply()
        except StorageError:
            is_whole = log_of(copy).read_bytes() == before
            assert is_whole or losses(copy).is_open
        else:
            break
        LogRepair(FILES, str(copy)).apply()
        (lost,) = losses(copy).records
        assert lost.last_lsn == AT + ROWS
    assert at > 5


async def test_a_loss_that_is_not_recorded_would_be_seen(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_repair, "record_loss", lambda files, layout, loss: None)
    with pytest.raises(ValueError, match="unpack"):
        await test_row_8_a_repair_that_gives_records_up_says_so_until_that_is_acknowledged(store)
