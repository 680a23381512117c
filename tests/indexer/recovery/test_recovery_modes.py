"""Each kind of damage in each mode: repaired, refused with nothing changed, or given up and reported."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from asteroid_cloud.indexer import EngineOptions, Recovery, RecoveryMode, acknowledge_losses, read_losses
from asteroid_cloud.indexer.recovery import index_rebuild, lost_segments
from asteroid_cloud.wal.disk.layout import LOST
from asteroid_cloud.wal.disk.local_files import LocalFiles
from asteroid_cloud.wal.errors import CorruptionError, LockHeld, StorageError
from tests.support.engines import contents, opened, u64, vectors

pytestmark = pytest.mark.anyio

OPTIONS = EngineOptions(
    seal_rows=64, segments_max=8, idle_seal_s=600, idle_flush_s=600, links_max=4, ef_construction=20
)
MODES: tuple[RecoveryMode, ...] = ("strict", "tail", "salvage")
Contents = dict[int, tuple[tuple[float, ...], object]]
Damage = Callable[[Path], None]


def options(mode: RecoveryMode = "tail", *, keep_log: bool = False) -> EngineOptions:
    return msgspec.structs.replace(OPTIONS, recovery=mode, keep_log=keep_log)


async def fill(path: Path, keep_log: bool) -> Contents:
    """Three segments of fifty rows, two of them deleted, up to record 5; and ten records behind them."""
    async with opened(path, options(keep_log=keep_log)) as engine:
        await engine.create_index(4, "l2")
        for turn in range(3):
            ids = u64(*range(50 * turn, 50 * turn + 50))
            await engine.upsert(ids, vectors(50, 4, turn), [b'{"n":%d}' % n for n in range(50)])
            await engine.flush()
        await engine.delete(u64(3, 60))
        await engine.flush()
        for id_ in range(200, 210):
            await engine.upsert(u64(id_), vectors(1, 4, id_), None)
        return contents(engine)


class Stores:
    """A store with all of its log, and one with a log that begins behind the checkpoint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.whole: dict[bool, Contents] = {}

    async def copy(self, to: Path, keep_log: bool) -> tuple[Path, Contents]:
        origin = self.folder / str(keep_log)
        if keep_log not in self.whole:
            self.whole[keep_log] = await fill(origin, keep_log)
        return Path(shutil.copytree(origin, to)), self.whole[keep_log]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    return Stores(tmp_path_factory.mktemp("whole"))


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x55
    path.write_bytes(data)


def segment(store: Path, kind: str) -> Path:
    return store / "index" / f"segment-000000000001.{kind}"


def newest_log(store: Path) -> Path:
    return sorted((store / "wal").glob("*.wal"))[-1]


def files_of(store: Path) -> dict[str, bytes]:
    found = (path for path in store.rglob("*") if path.is_file() and path.name != "LOCK")
    return {str(path.relative_to(store)): path.read_bytes() for path in found}


def broken_log(store: Path) -> None:
    """A flip in the middle of the newest records, with whole frames behind it."""
    log = newest_log(store)
    flip(log, log.stat().st_size - 700)


def no_log(store: Path) -> None:
    for log in (store / "wal").glob("*.wal"):
        log.unlink()


def no_such(kind: str) -> Damage:
    return lambda store: segment(store, kind).unlink()


def flipped(kind: str) -> Damage:
    return lambda store: flip(segment(store, kind), segment(store, kind).stat().st_size // 2)


SEGMENT_DAMAGE = {
    "graph flipped": flipped("graph"),
    "graph missing": no_such("graph"),
    "payloads flipped": flipped("payload"),
    "payloads missing": no_such("payload"),
}


async def refused(store: Path, mode: RecoveryMode) -> StorageError:
    """The error of an opening that changes nothing."""
    before = files_of(store)
    with pytest.raises(StorageError) as caught:
        async with opened(store, options(mode)):
            pass
    assert files_of(store) == before
    return caught.value


async def reopened(store: Path, mode: RecoveryMode, keep_log: bool) -> tuple[Contents, Recovery]:
    async with opened(store, options(mode, keep_log=keep_log)) as engine:
        return contents(engine), engine.recovery


@pytest.mark.parametrize("keep_log", [True, False])
@pytest.mark.parametrize("mode", MODES)
async def test_a_whole_store_opens_alike_in_every_mode(
    stores: Stores, tmp_path: Path, mode: RecoveryMode, keep_log: bool
) -> None:
    store, whole = await stores.copy(tmp_path / "store", keep_log)
    found, told = await reopened(store, mode, keep_log)
    assert found == whole
    assert (told.mode, told.mended, told.losses.is_open) == (mode, [], False)


@pytest.mark.parametrize("mode", MODES)
async def test_a_torn_tail_is_cut_but_in_strict_mode(
    stores: Stores, tmp_path: Path, mode: RecoveryMode
) -> None:
    store, whole = await stores.copy(tmp_path / "store", keep_log=False)
    log = newest_log(store)
    size = log.stat().st_size
    log.write_bytes(log.read_bytes() + b"torn")
    if mode == "strict":
        error = await refused(store, mode)
        assert isinstance(error, CorruptionError)
        assert (error.path, error.offset) == (str(log), size)
        assert "4 bytes would be cut" in error.reason
        assert "--recovery tail" in str(error.details["advice"])
    else:
        found, told = await reopened(store, mode, False)
        assert (found, told.bytes_cut) == (whole, 4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("damage", SEGMENT_DAMAGE.values(), ids=SEGMENT_DAMAGE.keys())
async def test_a_damaged_segment_is_rebuilt_from_a_whole_log(
    stores: Stores, tmp_path: Path, mode: RecoveryMode, damage: Damage
) -> None:
    store, whole = await stores.copy(tmp_path / "store", keep_log=True)
    damage(store)
    damaged = files_of(store)
    if mode == "strict":
        assert (await refused(store, mode)).code == "corruption"
        return
    found, told = await reopened(store, mode, True)
    assert (found, told.losses.is_open, len(told.mended)) == (whole, False, 1)
    assert str(store) not in told.mended[0]
    kept = store / "index.broken.1"
    assert {name for name in damaged if name.startswith("index/")} == {
        f"index/{path.name}" for path in kept.iterdir()
    }
    again, told = await reopened(store, "strict", True)
    assert (again, told.mended) == (whole, [])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("damage", SEGMENT_DAMAGE.values(), ids=SEGMENT_DAMAGE.keys())
async def test_a_damaged_segment_that_is_nowhere_else_is_given_up_only_in_salvage_mode(
    stores: Stores, tmp_path: Path, mode: RecoveryMode, damage: Damage
) -> None:
    store, whole = await stores.copy(tmp_path / "store", keep_log=False)
    damage(store)
    damaged = files_of(store)
    if mode != "salvage":
        error = await refused(store, mode)
        assert error.code == "corruption"
        assert "advice" in error.details
        return
    found, told = await reopened(store, mode, False)
    assert found == {id_: row for id_, row in whole.items() if id_ >= 50}
    (lost,) = told.losses.segments
    assert (lost.segment, lost.rows) == (1, 49)
    assert str(store) not in lost.reason
    for name in lost.kept:  # as it was, under another name
        was = f"index/{name.removesuffix('.broken')}"
        assert (store / "index" / name).read_bytes() == damaged[was]
    assert len(lost.kept) == sum(name.startswith("index/segment-000000000001.") for name in damaged)


async def test_the_ids_of_what_is_lost_are_reported_if_they_can_be_read(
    stores: Stores, tmp_path: Path
) -> None:
    for kind, ids in (("payload", (0, 49)), ("graph", (None, None))):
        store, _ = await stores.copy(tmp_path / kind, keep_log=False)
        segment(store, kind).write_bytes(segment(store, kind).read_bytes()[:-5])
        (lost,) = (await reopened(store, "salvage", False))[1].losses.segments
        assert (lost.least_id, lost.greatest_id) == ids


@pytest.mark.parametrize("keep_log", [True, False])
@pytest.mark.parametrize("is_missing", [True, False])
@pytest.mark.parametrize("mode", MODES)
async def test_columns_are_rebuilt_from_the_payloads(
    stores: Stores, tmp_path: Path, mode: RecoveryMode, is_missing: bool, keep_log: bool
) -> None:
    store, whole = await stores.copy(tmp_path / "store", keep_log)
    fields = segment(store, "fields")
    before = fields.read_bytes()
    (no_such if is_missing else flipped)("fields")(store)
    if mode == "strict":
        if is_missing:  # no damage: the first releases wrote none, and filters do without
            assert (await reopened(store, mode, keep_log))[0] == whole
            assert not fields.exists()
        else:
            assert (await refused(store, mode)).code == "corruption"
        return
    found, told = await reopened(store, mode, keep_log)
    assert (found, told.losses.is_open, len(told.mended)) == (whole, False, 1)
    assert fields.read_bytes() == before
    assert Path(f"{fields}.broken").exists() != is_missing
    assert not (store / "index.broken.1").exists()


@pytest.mark.parametrize("mode", MODES)
async def test_a_damaged_manifest_needs_a_whole_log(
    stores: Stores, tmp_path: Path, mode: RecoveryMode
) -> None:
    for keep_log in (True, False):
        store, whole = await stores.copy(tmp_path / str(keep_log), keep_log)
        (manifest,) = (store / "index").glob("manifest-*")
        flip(manifest, 30)
        if keep_log and mode != "strict":
            assert (await reopened(store, mode, True))[0] == whole
        else:
            assert (await refused(store, mode)).code == "corruption"


@pytest.mark.parametrize("mode", MODES)
async def test_what_a_damaged_log_loses_is_reported_by_record(
    stores: Stores, tmp_path: Path, mode: RecoveryMode
) -> None:
    store, whole = await stores.copy(tmp_path / "store", keep_log=False)
    broken_log(store)
    if mode != "salvage":
        assert (await refused(store, mode)).code == "corruption"
        return
    found, told = await reopened(store, mode, False)
    (lost,) = told.losses.records
    assert lost.last_lsn == 15
    assert 6 < lost.first_lsn < 15
    assert found == {id_: row for id_, row in whole.items() if id_ < 200 + lost.first_lsn - 6}
    assert lost.kept
    assert all((store / "wal" / name).exists() for name in lost.kept)


async def test_without_its_log_a_store_is_what_the_checkpoint_holds(stores: Stores, tmp_path: Path) -> None:
    store, whole = await stores.copy(tmp_path / "store", keep_log=False)
    no_log(store)
    found, told = await reopened(store, "salvage", False)
    assert found == {id_: row for id_, row in whole.items() if id_ < 200}
    (lost,) = told.losses.records
    assert (lost.first_lsn, lost.last_lsn) == (6, None)


@pytest.mark.parametrize("keep_log", [True, False])
async def test_log_and_segment_damaged_together_lose_no_more_than_either(
    stores: Stores, tmp_path: Path, keep_log: bool
) -> None:
    """The log is not cut where the checkpoint holds what is missing, though it could not rebuild the rest."""
    store, whole = await stores.copy(tmp_path / "store", keep_log)
    flipped("graph")(store)
    log = newest_log(store)
    flip(log, 1500 if keep_log else log.stat().st_size - 700)
    found, told = await reopened(store, "salvage", keep_log)
    (segment_lost,) = told.losses.segments
    assert segment_lost.segment == 1
    first = told.losses.records[0].first_lsn if told.losses.records else 16
    assert found == {id_: row for id_, row in whole.items() if 50 <= id_ < 200 + first - 6}
    assert keep_log == (first == 16)


async def test_a_loss_degrades_the_store_until_it_is_acknowledged(stores: Stores, tmp_path: Path) -> None:
    store, _ = await stores.copy(tmp_path / "store", keep_log=False)
    flipped("graph")(store)
    left, told = await reopened(store, "salvage", False)
    for mode in ("strict", "tail"):
        error = await refused(store, mode)
        assert (error.code, error.details["rows_lost"]) == ("degraded", 49)
        assert "--acknowledge" in str(error.details["advice"])
    again, retold = await reopened(store, "salvage", False)
    assert (again, retold.losses, retold.mended) == (left, told.losses, [])
    async with opened(store, options("salvage")):
        with pytest.raises(LockHeld):
            acknowledge_losses(LocalFiles(), str(store), 7)
    acknowledge_losses(LocalFiles(), str(store), 7)
    assert acknowledge_losses(LocalFiles(), str(store), 8).acknowledged_ms == 7
    found, retold = await reopened(store, "tail", False)
    assert (found, retold.losses.is_open) == (left, False)
    assert retold.losses.segments == told.losses.segments
    segment(store, "graph").with_name("segment-000000000002.graph").unlink()  # and lost again
    _, retold = await reopened(store, "salvage", False)
    assert [lost.segment for lost in retold.losses.segments] == [1, 2]
    assert retold.losses.is_open


async def test_what_was_lost_must_read_before_anything_is_served(stores: Stores, tmp_path: Path) -> None:
    store, _ = await stores.copy(tmp_path / "store", keep_log=False)
    (store / LOST).write_bytes(b"{")
    for mode in MODES:
        assert LOST in (await refused(store, mode)).message


async def test_replaced_indexes_do_not_fill_the_disk(stores: Stores, tmp_path: Path) -> None:
    store, whole = await stores.copy(tmp_path / "store", keep_log=True)
    for number in range(1, index_rebuild.REPLACED_MAX + 1):
        (store / f"index.broken.{number}").mkdir()
    flipped("graph")(store)
    assert "index.broken.3" in (await refused(store, "tail")).message
    (store / "index.broken.1").rmdir()
    assert (await reopened(store, "tail", True))[0] == whole


async def test_a_newer_format_is_left_alone_in_every_mode(stores: Stores, tmp_path: Path) -> None:
    store, _ = await stores.copy(tmp_path / "store", keep_log=True)
    graph = segment(store, "graph")
    data = bytearray(graph.read_bytes())
    data[8] = 99
    graph.write_bytes(data)
    for mode in MODES:
        assert (await refused(store, mode)).code == "unsupported_version"


async def test_a_loss_that_is_not_noted_would_be_found(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checks above must be able to fail."""
    store, _ = await stores.copy(tmp_path / "store", keep_log=False)
    flipped("graph")(store)
    monkeypatch.setattr(lost_segments, "record_loss", lambda files, layout, loss: None)
    _, told = await reopened(store, "salvage", False)
    assert not told.losses.is_open
    assert read_losses(LocalFiles(), str(store)).segments == []
