"""The change feed of an engine: everything that was logged, in order, in bounded pieces."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from asteroid_cloud.indexer import Change, ChangeFeed, EngineOptions, FeedParts
from asteroid_cloud.indexer.feed import change_feed
from asteroid_cloud.indexer.limits import FEED_CHUNK_BYTES, FEEDS_MAX
from asteroid_cloud.wal.errors import InvalidRequest, NotFound, Overloaded
from asteroid_cloud.wal.format import event_bytes
from asteroid_cloud.wal.read import cursor as cursors
from asteroid_cloud.wal.read.cursor import LogCursor
from asteroid_cloud.wal.read.frame_window import Frame
from tests.support.engines import opened, u64, vectors

pytestmark = pytest.mark.anyio
KEPT = EngineOptions(keep_log=True)
ALL = FeedParts(payloads=True, vectors=True)


async def taken(feed: ChangeFeed) -> list[Change]:
    """Everything until the feed has caught up."""
    changes: list[Change] = []
    while feed.is_behind:
        changes += await feed.next()
    return changes


async def test_every_kind_of_write_comes_once_in_order_with_what_was_given(tmp_path: Path) -> None:
    given = vectors(2, 4)
    async with opened(tmp_path, KEPT) as engine:
        await engine.create_index(4, "cosine")
        await engine.upsert(u64(7, 2**63), given, [b'{"a":1}', None])
        await engine.replace_payload(7, b'{"b":2}')
        await engine.merge_payload(7, b'{"c":3}')
        await engine.delete(u64(2**63))
        await engine.delete_index()
        with engine.changes(0, ALL) as feed:
            changes = await taken(feed)
        with engine.changes(2, FeedParts()) as feed:
            bare = await taken(feed)
    assert [(change.lsn, change.kind) for change in changes] == [
        (1, "create_index"),
        (2, "upsert"),
        (3, "set_payload"),
        (4, "merge_payload"),
        (5, "delete"),
        (6, "delete_index"),
    ]
    created, upserted, replaced, merged, deleted, _ = changes
    assert (created.dim, created.metric, created.bits) == (4, "cosine", 16)
    assert upserted.ids is not None
    assert upserted.ids.tolist() == [7, 2**63]
    assert upserted.payloads == [b'{"a":1}', None]
    assert np.array_equal(upserted.vectors, given)  # type: ignore[arg-type]
    assert replaced.payloads == [b'{"b":2}']
    assert merged.payloads == [b'{"c":3}']
    assert deleted.ids is not None
    assert deleted.ids.tolist() == [2**63]
    assert [change.lsn for change in bare] == [3, 4, 5, 6]
    assert all(change.payloads is None and change.vectors is None for change in bare)


async def test_a_large_batch_comes_in_pieces_and_a_resumed_feed_begins_with_the_whole_record(
    tmp_path: Path,
) -> None:
    given = vectors(1500, 256)
    async with opened(tmp_path, KEPT) as engine:
        await engine.create_index(256, "l2")
        await engine.upsert(np.arange(1500, dtype=np.uint64), given, None)
        await engine.delete(u64(3))
        with engine.changes(1, ALL) as feed:
            first = await feed.next()
            assert feed.since == 1
            assert feed.is_behind
            rest = await taken(feed)
        with engine.changes(feed.since, ALL) as later:
            assert not later.is_behind
        with engine.changes(1, ALL) as again:
            assert np.array_equal(first[0].vectors, (await again.next())[0].vectors)  # type: ignore[arg-type]
    pieces = [change for change in [*first, *rest] if change.kind == "upsert"]
    assert len(pieces) == -(-1500 * (8 + 1024) // FEED_CHUNK_BYTES)
    assert [piece.more for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    joined = [piece.vectors for piece in pieces if piece.vectors is not None]
    assert np.array_equal(np.concatenate(joined), given)
    assert sum(len(each) for each in joined) == 1500
    assert all(each.base is None for each in joined), "a view keeps the whole record in memory"
    assert rest[-1].kind == "delete"


async def test_a_bulk_load_comes_with_its_rows_where_it_counts(tmp_path: Path) -> None:
    given = vectors(5000, 64)
    texts = [b'{"n":%d}' % n if n % 2 else None for n in range(5000)]
    async with opened(tmp_path, KEPT) as engine:
        await engine.create_index(64, "l2")
        async with engine.bulk() as loader:  # abandoned: it must leave no trace in the feed
            await loader.rows(given[:10])
        async with engine.bulk() as loader:
            await loader.rows(given[:3000])
            await loader.rows(given[3000:])
            await loader.payloads(0, list(texts))
            result = await loader.commit(1)
        await engine.delete(u64(1))
        with engine.changes(0, ALL) as feed:
            changes = await taken(feed)
        with engine.changes(1, FeedParts()) as feed:
            bare = await taken(feed)
    assert [(change.kind, change.rows) for change in bare] == [("bulk_load", 5000), ("delete", None)]
    pieces = [change for change in changes if change.kind == "bulk_load"]
    assert {piece.lsn for piece in pieces} == {result.lsn}
    assert [piece.more for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    rows = [piece.vectors for piece in pieces if piece.vectors is not None]
    assert np.array_equal(np.concatenate(rows), given)
    assert [text for piece in pieces for text in piece.payloads or []] == [text or b"" for text in texts]
    ids = [piece.ids for piece in pieces if piece.vectors is not None and piece.ids is not None]
    assert np.concatenate(ids).tolist() == list(range(5000))


async def test_a_feed_wakes_for_what_becomes_durable(tmp_path: Path) -> None:
    seen: list[int] = []
    async with opened(tmp_path, KEPT) as engine:
        await engine.create_index(4, "l2")

        async def follow() -> None:
            with engine.changes(1, FeedParts()) as feed:
                while len(seen) < 20:
                    await feed.more()
                    seen.extend(change.lsn for change in await feed.next())

        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                group.start_soon(follow)
                for number in range(20):
                    await engine.upsert(u64(number), vectors(1, 4), None)
    assert seen == list(range(2, 22))


async def test_what_the_log_does_not_hold_is_refused_and_so_is_a_feed_that_is_overtaken(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(1), vectors(1, 4), None)
        with engine.changes(0, FeedParts()) as feed:
            with pytest.raises(InvalidRequest, match="not yet 3") as ahead, engine.changes(3, FeedParts()):
                pass
            await engine.upsert(u64(*range(100)), vectors(100, 4), None)
            await engine.flush()
            with pytest.raises(NotFound) as pruned:
                await taken(feed)
        with pytest.raises(NotFound) as late, engine.changes(0, FeedParts()):
            pass
        with engine.changes(engine.durable_lsn, FeedParts()) as newest:
            assert not newest.is_behind
    assert ahead.value.code == "bad_since"
    assert (pruned.value.code, late.value.code) == ("changes_pruned", "changes_pruned")
    assert pruned.value.details == {"first_lsn": 4}


async def test_feeds_are_counted(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        with ExitStack() as stack:
            for _ in range(FEEDS_MAX):
                stack.enter_context(engine.changes(0, FeedParts()))
            with pytest.raises(Overloaded) as refused:
                stack.enter_context(engine.changes(0, FeedParts()))
            assert refused.value.code == "too_many_feeds"
        with engine.changes(0, FeedParts()):
            pass


async def test_a_large_record_is_read_once_by_one_feed_and_again_only_for_want_of_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[LogCursor] = []
    read = LogCursor._frame

    def counted(self: LogCursor) -> Frame | None:
        frame = read(self)
        if frame is not None:
            decoded.append(self)
        return frame

    monkeypatch.setattr(LogCursor, "_frame", counted)
    monkeypatch.setattr(cursors, "CURSORS_KEEP_BYTES_MAX", 2**20)
    given = vectors(3000, 256)
    async with opened(tmp_path, KEPT) as engine:
        await engine.create_index(256, "l2")
        await engine.upsert(np.arange(3000, dtype=np.uint64), given, None)
        with engine.changes(1, ALL) as feed:
            pieces = [await feed.next() for _ in range(4)]
            assert len(decoded) == 1
            with engine.changes(1, ALL) as other:  # there is no room for it: it reads again
                others = [await other.next() for _ in range(4)]
            assert len(decoded) == 5
            assert [piece[0].lsn for piece in pieces] == [each[0].lsn for each in others]
            assert np.array_equal(pieces[3][0].vectors, others[3][0].vectors)  # type: ignore[arg-type]
        with engine.changes(1, ALL) as later:  # the first has gone, and its room is free
            assert len(await taken(later)) > 4
        assert len(decoded) == 6


async def test_row_23_payloads_of_a_large_load_are_looked_for_in_bounded_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, dim, steps_max = 4_000, 64, 64 * 1024
    async with opened(tmp_path, KEPT) as engine:
        await engine.create_index(dim, "l2")
        async with engine.bulk() as loader:
            for first in range(0, rows, 100):  # 25 KiB a record
                await loader.rows(vectors(100, dim, first))
            await loader.payloads(rows - 1, [b'{"last":true}'])
            await loader.commit(1)
        read: list[int] = []
        records_of = LogCursor.records

        def noting(cursor: LogCursor) -> list[Any]:
            found = records_of(cursor)
            read.append(sum(event_bytes(record.event) for record in found))
            return found

        with engine.changes(0, FeedParts(payloads=True)) as feed:
            whole = await taken(feed)
        monkeypatch.setattr(change_feed, "FEED_SCAN_BYTES_MAX", steps_max)
        monkeypatch.setattr(LogCursor, "records", noting)
        steps, changes = 0, list[Change]()
        with engine.changes(0, FeedParts(payloads=True)) as feed:
            while feed.is_behind:
                read.clear()
                changes += await feed.next()
                assert sum(read) <= 3 * steps_max
                steps += 1
    assert steps > rows * dim * 4 // (3 * steps_max)
    assert [(change.kind, change.lsn, change.payloads) for change in changes] == [
        (change.kind, change.lsn, change.payloads) for change in whole
    ]
    assert [change.payloads for change in changes if change.more] == [[b'{"last":true}']]
