"""Requests with a key: remembered with what they did, over restarts, checkpoints, rebuilds and restores."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from asteroid_cloud.indexer import (
    Engine,
    EngineOptions,
    Point,
    PointInTimeRestore,
    Reindex,
    restore_backup,
    undo_replacement,
)
from asteroid_cloud.indexer.model.results import Remembered
from asteroid_cloud.wal.disk import LocalFiles
from asteroid_cloud.wal.errors import InvalidRequest, NotFound
from asteroid_cloud.wal.format import RequestKey
from asteroid_cloud.wal.store import enter
from tests.support.engines import SMALL, contents, opened, u64, vectors

pytestmark = pytest.mark.anyio
DIM = 4


def key(number: int, digest: bytes = b"digested") -> RequestKey:
    return RequestKey(number.to_bytes(16, "big"), digest)


def known(engine: Engine, *numbers: int) -> list[Remembered | None]:
    return [engine.requests.known(key(number)) for number in numbers]


async def write_all(engine: Engine) -> list[Remembered | None]:
    """Writes of each kind, each as the request of its number; what is known of them."""
    await engine.of_request(key(0)).create_index(DIM, "l2")
    await engine.of_request(key(1)).upsert(u64(1, 2, 3), vectors(3, DIM), None)
    await engine.of_request(key(2)).upsert(u64(4), vectors(1, DIM), [b'{"a":1}'])
    await engine.of_request(key(3)).delete(u64(1, 9))
    await engine.of_request(key(4)).replace_payload(2, b'{"a":2}')
    await engine.of_request(key(5)).merge_payload(2, b'{"b":2}')
    first = await engine.of_request(key(6)).of_part(0).delete(u64(2))
    await engine.of_request(key(6)).of_part(first.affected).merge_payloads(u64(3, 4), b'{"c":1}', 99)
    await engine.requests.answer(key(7), 404, 8, b'{"code":"not_found"}')
    found = known(engine, *range(8))
    touched = [0, 3, 1, 1, 1, 1, 3, 0]
    assert [each and each.affected for each in found] == touched
    assert [each and each.is_whole for each in found] == [True] * 6 + [False, True]
    return found


async def test_what_writes_did_is_known_after_a_restart(tmp_path: Path) -> None:
    quiet = msgspec.structs.replace(SMALL, idle_seal_s=60.0, idle_flush_s=60.0)
    async with opened(tmp_path, quiet) as engine:
        found = await write_all(engine)
    async with opened(tmp_path, quiet) as engine:
        assert engine.recovery.records_replayed > 8
        assert known(engine, *range(8)) == found


async def test_a_trimmed_log_takes_no_request_with_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        found = await write_all(engine)
        await engine.flush()
        await engine.of_request(key(8)).delete(u64(3))
    async with opened(tmp_path) as engine:
        assert engine.recovery.log_first_lsn > 8
        assert known(engine, *range(8)) == found
        assert known(engine, 8) != [None]


async def test_a_backup_and_a_rebuilt_index_know_them_too(tmp_path: Path) -> None:
    store, files = tmp_path / "store", LocalFiles()
    async with opened(store) as engine:
        found = await write_all(engine)
        await engine.flush()
        await engine.of_request(key(8)).upsert(u64(7), vectors(1, DIM), None)
        found += known(engine, 8)
        await engine.backup(str(tmp_path / "backup"))
    restore_backup(files, str(tmp_path / "backup"), str(tmp_path / "restored"))
    async with opened(tmp_path / "restored") as engine:
        assert known(engine, *range(9)) == found
    Reindex(files, str(store), SMALL).apply(lambda done, total: None)
    async with opened(store) as engine:
        assert known(engine, *range(9)) == found
        assert sorted(contents(engine)) == [3, 4, 7]


async def test_what_was_gone_back_on_may_be_asked_for_again(tmp_path: Path) -> None:
    """A retry that was told of a write which is no longer there would lose it."""
    keeping, files, store = msgspec.structs.replace(SMALL, keep_log=True), LocalFiles(), str(tmp_path)
    async with opened(tmp_path, keeping) as engine:
        await engine.create_index(DIM, "l2")
        early = await engine.of_request(key(1)).upsert(u64(1), vectors(1, DIM), None)
        await engine.flush()
        await engine.of_request(key(2)).upsert(u64(2), vectors(1, DIM), None)
        before = known(engine, 1, 2)
    PointInTimeRestore(files, store).in_place(Point(lsn=early.lsn))
    async with opened(tmp_path, keeping) as engine:
        assert known(engine, 1, 2) == [before[0], None]
        again = await engine.of_request(key(2)).upsert(u64(2), vectors(1, DIM), None)
        assert again.lsn > early.lsn + 1
        assert known(engine, 2) != before[1:]
        assert sorted(contents(engine)) == [1, 2]
    with enter(files, store) as access:
        undo_replacement(access.files, store)
    async with opened(tmp_path, keeping) as engine:
        assert known(engine, 1, 2) == before


async def test_a_bulk_load_and_the_end_of_its_index_are_remembered(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(DIM, "l2")
        async with engine.of_request(key(1)).bulk() as loader:
            await loader.rows(vectors(20, DIM))
            await loader.commit(1)
        await engine.of_request(key(2)).delete_index()
        found = known(engine, 1, 2)
    assert [each and each.affected for each in found] == [20, 0]
    async with opened(tmp_path) as engine:
        assert known(engine, 1, 2) == found


async def test_a_write_without_effect_is_not_remembered_by_itself(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(DIM, "l2")
        await engine.of_request(key(1)).delete(u64(5))
        with pytest.raises(NotFound):
            await engine.of_request(key(2)).replace_payload(5, b"{}")
        assert known(engine, 1, 2) == [None, None]


async def test_a_key_of_another_request_is_refused_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.of_request(key(1)).create_index(DIM, "l2")
    async with opened(tmp_path) as engine:
        with pytest.raises(InvalidRequest) as refused:
            engine.requests.known(key(1, b"anything"))
        assert refused.value.code == "idempotency_mismatch"


async def test_the_newest_requests_are_known_when_there_are_more_than_the_setting(tmp_path: Path) -> None:
    options = msgspec.structs.replace(SMALL, idempotency_keys=3)
    async with opened(tmp_path, options) as engine:
        await write_all_but_the_last(engine)
        assert [each is None for each in known(engine, *range(6))] == [True] * 3 + [False] * 3
        await engine.flush()
    async with opened(tmp_path, EngineOptions(idempotency_keys=2)) as engine:
        assert [each is None for each in known(engine, *range(6))] == [True] * 4 + [False] * 2


async def write_all_but_the_last(engine: Engine) -> None:
    await engine.of_request(key(0)).create_index(DIM, "l2")
    for number in range(1, 6):
        await engine.of_request(key(number)).upsert(u64(number), vectors(1, DIM), None)
