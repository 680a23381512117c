"""Power cuts during a store repair: the next start repairs it to the same, and records each loss."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec
import pytest

from asteroid_cloud.indexer import DataLoss, Engine, EngineOptions
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, write_manifest
from asteroid_cloud.indexer.loss.loss_record import record_loss
from asteroid_cloud.indexer.model.data_loss import LostRecords, LostSegment
from asteroid_cloud.indexer.recovery import lost_segments
from asteroid_cloud.wal.disk.files import AppendFile, Files
from asteroid_cloud.wal.disk.layout import StoreLayout
from asteroid_cloud.wal.errors import AsteroidError, StorageError
from tests.promises.power.check import ROOT, contents_of
from tests.promises.power.images import Image, Images
from tests.promises.power.recording import MappableFiles, RecordingFiles
from tests.promises.power.stored import DIM, Contents
from tests.support.engines import u64, vectors
from tests.support.seeded_loop import threads_in_place

OPTIONS = EngineOptions(seal_rows=400, idle_seal_s=600, idle_flush_s=600, ef_construction=20, links_max=4)
SALVAGE = msgspec.structs.replace(OPTIONS, recovery="salvage")
TAIL = msgspec.structs.replace(SALVAGE, recovery="tail")
KEPT = msgspec.structs.replace(OPTIONS, keep_log=True)
SEGMENT = f"{ROOT}/index/segment-000000000001"
Found = tuple[Contents, list[tuple[int, int]], list[tuple[int, int | None]]]


@pytest.fixture(autouse=True)
def _silent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def built(*, keep_log: bool = False) -> Image:
    """Two segments with 60 rows each up to record 4, of which one does; eight records behind them."""
    files, options = MappableFiles(), KEPT if keep_log else OPTIONS

    async def write() -> None:
        async with Engine.open(ROOT, options, files=files) as engine:
            await engine.ready()
            await engine.create_index(DIM, "l2")
            for turn in range(2):
                ids = u64(*range(60 * turn, 60 * turn + 60))
                await engine.upsert(ids, vectors(60, DIM, turn), [b'{"a":1}'] * 60)
                await engine.flush()
            await engine.delete(u64(7))
            await engine.flush()
            for turn in range(8):
                await engine.upsert(u64(200 + turn), vectors(1, DIM, turn), None)

    with threads_in_place():
        asyncio.run(write())
    return files.image()


def with_flip(image: Image, path: str, at: int) -> Image:
    data = bytearray(image[path])
    data[at] ^= 0x11
    return {**image, path: bytes(data)}


def in_graph(image: Image) -> Image:
    return with_flip(image, f"{SEGMENT}.graph", 4100)


def in_log(image: Image) -> Image:
    log = max(path for path in image if path.endswith(".wal"))
    return with_flip(image, log, len(image[log]) // 2)


def in_both(image: Image) -> Image:
    return in_log(in_graph(image))


def in_columns(image: Image) -> Image:
    return with_flip(image, f"{SEGMENT}.fields", 20)


def without_columns(image: Image) -> Image:
    return {path: data for path, data in image.items() if path != f"{SEGMENT}.fields"}


DAMAGE = [in_graph, in_log, in_both, in_columns, without_columns]


def held(files: MappableFiles, options: EngineOptions = SALVAGE) -> Found:
    """What a store holds once it is open, and what it says it has lost."""

    async def look() -> tuple[Contents, DataLoss]:
        async with Engine.open(ROOT, options, files=files) as engine:
            await engine.ready()
            return contents_of(engine), engine.recovery.losses

    with threads_in_place():
        found, losses = asyncio.run(look())
    segments = [(lost.segment, lost.rows) for lost in losses.segments]
    return found, segments, [(lost.first_lsn, lost.last_lsn) for lost in losses.records]


def check(damage: Callable[[Image], Image]) -> int:
    """Repairs once, then on every image of a power cut on the way. Gives the number of images."""
    whole = built()
    damaged = damage(whole)
    files = RecordingFiles(damaged)
    expected = held(files)
    is_lossy = expected[0] != held(MappableFiles(whole))[0]
    evidence = {data for path, data in damaged.items() if path.startswith(SEGMENT)}
    images = Images(list(files.ops), damaged, seed=1, subsets=2)
    keys = {key for _, key in images.all()}
    for key in keys:
        left = MappableFiles(images.image(key))
        assert held(left) == expected
        if is_lossy:
            with pytest.raises(StorageError) as refused:
                held(left, TAIL)
            assert refused.value.code == "degraded"
        kept = {bytes(data) for data in left.contents.values()}
        assert evidence <= kept
    return len(keys)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_power_cut_at_any_point_of_a_repair(damage: Callable[[Image], Image]) -> None:
    assert check(damage) >= 8


class PowerCut(BaseException):
    """Stops an opening in its middle. It is no Exception, so that no error handler catches it."""


class Dying(MappableFiles):
    """A disk that keeps everything up to a change, and then no more."""

    changes_left = 0

    def _change(self) -> None:
        if self.changes_left == 0:
            raise PowerCut
        self.changes_left -= 1

    def create(self, path: str) -> AppendFile:
        """A new file."""
        self._change()
        return super().create(path)

    def rename(self, old: str, new: str) -> None:
        """Another name, of a file or a folder."""
        self._change()
        super().rename(old, new)

    def remove(self, path: str) -> None:
        """One file less."""
        self._change()
        super().remove(path)


def in_manifest(image: Image) -> Image:
    return with_flip(image, max(path for path in image if "/manifest-" in path), 30)


@pytest.mark.parametrize("damage", [in_graph, in_manifest])
def test_a_rebuilt_index_survives_a_stop_at_each_change(damage: Callable[[Image], Image]) -> None:
    whole = built(keep_log=True)
    expected, changes = held(MappableFiles(whole), KEPT), 0
    is_over = False
    while not is_over:
        files = Dying(damage(whole))
        files.changes_left = changes
        try:
            held(files, KEPT)
            is_over = True
        except (PowerCut, BaseExceptionGroup):
            pass
        left = MappableFiles(files.image())
        assert held(left, KEPT) == expected, changes
        assert held(left, msgspec.structs.replace(KEPT, recovery="strict")) == expected, changes
        evidence = damage(whole).items() - whole.items()
        kept = {bytes(data) for data in left.contents.values()}
        assert {data for _, data in evidence} <= kept, changes
        changes += 1
    assert changes > 6


def _not_noted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lost_segments, "record_loss", lambda files, layout, loss: None)


def _noted_last(patch: pytest.MonkeyPatch) -> None:
    """The manifest goes first."""
    due: list[LostSegment | LostRecords] = []

    def write(files: Files, folder: str, manifest: Manifest) -> None:
        write_manifest(files, folder, manifest)
        while due:
            record_loss(files, StoreLayout(ROOT).collection(), due.pop())

    patch.setattr(lost_segments, "record_loss", lambda files, layout, loss: due.append(loss))
    patch.setattr(lost_segments, "write_manifest", write)


def _thrown_away(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RecordingFiles, "rename", _rename_that_drops_evidence)


REAL_RENAME = RecordingFiles.rename


def _rename_that_drops_evidence(self: RecordingFiles, old: str, new: str) -> None:
    if new.endswith(".broken"):
        self.remove(old)
    else:
        REAL_RENAME(self, old, new)


@pytest.mark.parametrize("bug", [_not_noted, _noted_last, _thrown_away])
def test_planted_bugs_are_seen(
    bug: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    with pytest.raises((AssertionError, AsteroidError, pytest.fail.Exception)):
        check(in_graph)
