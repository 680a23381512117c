"""Erasure is looked for where data could hide: every byte of every file, unpacked."""

from __future__ import annotations

import shutil
from pathlib import Path

import anyio
import msgspec
import numpy as np
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions, FeedParts, Reindex
from asteroid_cloud.indexer.check.verify import Verification
from asteroid_cloud.indexer.checkpoint.manifest import newest_manifest
from asteroid_cloud.indexer.segment.paths import payload_path
from asteroid_cloud.indexer.segment.payload_file import PayloadFile
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.append.log import Retention
from asteroid_cloud.wal.errors import Conflict, NotFound
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.log_reader import LogReader
from tests.support.engines import opened, u64, vectors

pytestmark = pytest.mark.anyio
HISTORY = EngineOptions(seal_rows=64, segments_max=100, log_retention=Retention(bytes_max=2**30))
SECRET = b"the-secret-that-has-to-go"


def all_plain_text(store: Path) -> bytes:
    """Everything that the store's files hold, unpacked as a reader of them would."""
    files, folder, pieces = LocalFiles(), str(store / "index"), []
    for path in sorted(store.rglob("*")):
        if path.is_file():
            pieces.append(str(path).encode() + path.read_bytes())
    log = LogReader(files, str(store / "wal"))
    pieces += [msgspec.msgpack.encode(record.event) for record in log.read(log.first_lsn)]
    manifest = newest_manifest(files, folder)
    assert manifest is not None
    for path in sorted((store / "index").glob("segment-*.payload")):
        number = int(path.name[8:20])
        rows = {entry.number: entry.rows for entry in manifest.segments}.get(number)
        if rows is not None:
            payloads = PayloadFile(
                files, payload_path(str(store / "index"), number), manifest.identity, number, rows
            )
            pieces += [text for texts in payloads.all_texts() for text in texts]
    return b"\n".join(pieces)


def ids_in_segments(store: Path) -> set[int]:
    """Every id that a segment on the disk holds, dead ones too."""
    files, folder = LocalFiles(), str(store / "index")
    manifest = newest_manifest(files, folder)
    assert manifest is not None
    assert manifest.spec is not None
    found: set[int] = set()
    for path in (store / "index").glob("segment-*.graph"):
        number = int(path.name[8:20])
        segment = Segment(files, folder, manifest.identity, number, manifest.spec, Lsn(manifest.applied_lsn))
        found |= set(segment.native.first_ids(segment.rows).tolist())
    return found


async def fill(engine: Engine) -> None:
    """Four segments, of whose rows 7 was deleted and 8 replaced, each with a secret."""
    await engine.create_index(4, "l2")
    for first in range(0, 400, 100):
        payloads = [b'{"n":%d}' % id for id in range(first, first + 100)]
        if first == 0:
            payloads[7] = payloads[8] = b'{"s":"' + SECRET + b'"}'
        ids = np.arange(first, first + 100, dtype=np.uint64)
        await engine.upsert(ids, vectors(100, 4, first), list(payloads))
        await engine.flush()


async def test_nothing_that_was_deleted_or_replaced_is_left_anywhere(tmp_path: Path) -> None:
    store, early = tmp_path / "store", tmp_path / "early"
    async with opened(store, HISTORY) as engine:
        await fill(engine)
        await engine.tag("with-it")
        await engine.delete(u64(7))
        await engine.replace_payload(8, b"{}")
        await engine.upsert(u64(9), vectors(1, 4), [b""])
        await engine.flush()
        (store / "wal" / f"{1:020d}.wal.56.broken").write_bytes(SECRET)
        (store / "index.broken.1").mkdir()
        (store / "index.broken.1" / "x").write_bytes(SECRET)
        (store / "mine.txt").write_bytes(b"not the store's")
        shutil.copytree(store, early)
        report = await engine.purge()
        assert (report.lsn, report.rows_erased, report.tags_removed) == (engine.applied_lsn, 3, ["with-it"])
        assert (report.segments_rewritten, report.files_removed) == (1, 2)
        assert report.log_first_lsn > report.lsn
        assert report.not_ours == ["mine.txt"]
        with pytest.raises(NotFound), engine.changes(0, FeedParts()):
            pass
        assert engine.snapshot().live == 399
    assert SECRET in all_plain_text(early), "the search would not find it"
    assert SECRET not in all_plain_text(store)
    assert 7 in ids_in_segments(early)
    assert ids_in_segments(store) == set(range(400)) - {7}
    found = Verification(LocalFiles(), str(store)).run()
    assert (found.ok, found.vectors) == (True, 399)
    async with opened(store, HISTORY) as engine:
        assert engine.snapshot().live == 399


async def test_writes_and_merges_go_on_meanwhile(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await fill(engine)
        stop = anyio.Event()
        written = 0

        async def write() -> None:
            nonlocal written
            while not stop.is_set():
                await engine.upsert(u64(1000 + written % 50), vectors(1, 4, written), None)
                await engine.delete(u64(written % 400))
                written += 1

        with anyio.fail_after(120):
            async with anyio.create_task_group() as group:
                group.start_soon(write)
                while written < 20:
                    await anyio.sleep(0.01)
                dead = set(range(10))
                report = await engine.purge()
                assert dead <= set(range(400)) - ids_alive(engine)
                assert report.log_first_lsn > report.lsn
                stop.set()
        await engine.flush()
    assert not dead & ids_in_segments(tmp_path)


def ids_alive(engine: Engine) -> set[int]:
    """The ids of all living rows."""
    found: set[int] = set()
    for view in engine.snapshot().parts:
        ids = view.all_ids()
        found |= set(ids[view.find(ids) >= 0].tolist())
    return found


async def test_what_needs_the_log_holds_it_up(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(4, "l2")
        async with engine.bulk():
            with pytest.raises(Conflict) as blocked:
                await engine.purge()
        assert blocked.value.code == "purge_blocked"
        await engine.purge()


async def test_a_rebuilt_index_has_a_bulk_load_only_once(tmp_path: Path) -> None:
    async with opened(tmp_path, HISTORY) as engine:
        await engine.create_index(4, "l2")
        async with engine.bulk() as loader:
            await loader.rows(vectors(50, 4))
            await loader.payloads(0, [SECRET] * 50)
            await loader.commit(1)
    shutil.rmtree(tmp_path / "index")
    (tmp_path / "index").mkdir()  # as after a crash before the first checkpoint
    report, _ = Reindex(LocalFiles(), str(tmp_path), HISTORY).apply(lambda done, total: None)
    assert report.agrees
    assert len(list((tmp_path / "index").glob("*.graph"))) == 1
    async with opened(tmp_path) as engine:
        assert (await engine.purge()).not_ours == []


async def test_an_empty_store_is_purged_in_no_time_and_twice_at_once_is_refused(tmp_path: Path) -> None:
    codes: list[str] = []
    async with opened(tmp_path) as engine:

        async def purge() -> None:
            try:
                await engine.purge()
            except Conflict as error:
                codes.append(error.code)

        async with anyio.create_task_group() as group:
            group.start_soon(purge)
            group.start_soon(purge)
    assert codes == ["purge_running"]
