"""Verification finds each kind of damage that is planted, names it, and finds none where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
from anyio import to_thread

from asteroid_cloud.indexer import EngineOptions, Verification, Verified
from asteroid_cloud.indexer.checkpoint.manifest import newest_manifest, write_manifest
from asteroid_cloud.indexer.segment import column_file
from asteroid_cloud.indexer.segment.column_file import write_fields
from asteroid_cloud.indexer.segment.payload_file import PayloadFile, write_payloads
from asteroid_cloud.wal.disk.local_files import LocalFiles
from asteroid_cloud.wal.errors import LockHeld, NotFound
from asteroid_cloud.wal.store import enter
from tests.support.engines import SMALL, opened, vectors

pytestmark = pytest.mark.anyio
FILES = LocalFiles()
DIM = 8
QUIET = EngineOptions(idle_seal_s=600, idle_flush_s=600, keep_log=True)


def verified(store: Path) -> Verified:
    return Verification(FILES, str(store)).run()


async def fill(store: Path, seed: int = 0) -> None:
    """Two segments, some dead rows, and records that no segment holds."""
    async with opened(store, QUIET) as engine:
        await engine.create_index(DIM, "l2")
        for first in (0, 100):
            ids = np.arange(first, first + 100, dtype=np.uint64)
            await engine.upsert(ids, vectors(100, DIM, seed + first), [b'{"n":%d}' % (n % 9) for n in ids])
            await engine.flush()
        await engine.delete(np.arange(0, 30, dtype=np.uint64))
        await engine.upsert(np.array([500], np.uint64), vectors(1, DIM, 5), None)


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """A store that is whole, and closed."""
    await fill(tmp_path / "store")
    return tmp_path / "store"


def the(store: Path, pattern: str) -> Path:
    return sorted(store.rglob(pattern))[0]


def flip(pattern: str, share: float) -> Callable[[Path], None]:
    def act(store: Path) -> None:
        path = the(store, pattern)
        data = bytearray(path.read_bytes())
        data[int(share * (len(data) - 1))] ^= 0x11
        path.write_bytes(data)

    return act


def cut(pattern: str) -> Callable[[Path], None]:
    return lambda store: the(store, pattern).write_bytes(the(store, pattern).read_bytes()[:-9])


def gone(pattern: str) -> Callable[[Path], None]:
    return lambda store: the(store, pattern).unlink()


def swapped(pattern: str) -> Callable[[Path], None]:
    """Two files of a kind change places."""

    def act(store: Path) -> None:
        one, other = sorted(store.rglob(pattern))[:2]
        data = one.read_bytes()
        one.write_bytes(other.read_bytes())
        other.write_bytes(data)

    return act


def appended(pattern: str) -> Callable[[Path], None]:
    return lambda store: the(store, pattern).write_bytes(the(store, pattern).read_bytes() + b"more")


def other_payloads(text: bytes) -> Callable[[Path], None]:
    """A payload file that is whole by itself, but not what the store was told."""

    def act(store: Path) -> None:
        path, manifest = the(store, "*.payload"), newest_manifest(FILES, str(store / "index"))
        assert manifest is not None
        path.unlink()
        write_payloads(FILES, str(path), manifest.identity, manifest.segments[0].number, [text] * 100)

    return act


def other_columns(store: Path) -> None:
    """A field file that is whole by itself, made of other payloads."""
    path, manifest = the(store, "*.fields"), newest_manifest(FILES, str(store / "index"))
    assert manifest is not None
    number = manifest.segments[0].number
    write_payloads(FILES, str(store / "p"), manifest.identity, number, [b'{"n":1}'] * 100)
    payloads = PayloadFile(FILES, str(store / "p"), manifest.identity, number, 100)
    path.unlink()
    write_fields(FILES, str(path), manifest.identity, number, 100, payloads, 1 << 20)


def manifest_of(**changes: object) -> Callable[[Path], None]:
    """A manifest that is whole by itself, but says something else."""

    def act(store: Path) -> None:
        folder = str(store / "index")
        manifest = newest_manifest(FILES, folder)
        assert manifest is not None
        fields = {name: getattr(manifest, name) for name in manifest.__struct_fields__} | changes
        fields["number"] += 1
        write_manifest(FILES, folder, type(manifest)(**fields))

    return act


def named_twice(store: Path) -> None:
    """The first segment's rows are alive a second time, under the number of the other."""
    manifest = newest_manifest(FILES, str(store / "index"))
    assert manifest is not None
    manifest_of(segments=[manifest.segments[0], manifest.segments[0]])(store)


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a record of a graph": (flip("*.graph", 0.4), "checksum"),
    "the second bytes": (flip("*.graph", 0.8), "checksum|footer"),
    "the footer of a graph": (flip("*.graph", 0.999), "footer"),
    "the end of a graph": (cut("*.graph"), "footer"),
    "a graph that is gone": (gone("*.graph"), "segment"),
    "graphs that changed places": (swapped("*.graph"), "another store or segment"),
    "a payload": (flip("*.payload", 0.2), "checksum"),
    "the end of a payload file": (cut("*.payload"), "footer"),
    "a payload file that is gone": (gone("*.payload"), "payload"),
    "payload files that changed places": (swapped("*.payload"), "another segment"),
    "something after a payload file": (appended("*.payload"), "footer"),
    "payloads that are no JSON": (other_payloads(b"{"), "no JSON object"),
    "payloads that are something else": (other_payloads(b'{"n":77}'), "not what the payloads hold"),
    "a column": (flip("*.fields", 0.1), "checksum|footer"),
    "the end of a field file": (cut("*.fields"), "footer"),
    "columns of other payloads": (other_columns, "not what the payloads hold"),
    "a manifest": (flip("manifest-*", 0.7), "checksum"),
    "a manifest that names a segment twice": (named_twice, "alive more than once"),
    "a manifest from the future of the log": (manifest_of(applied_lsn=10**6), "the log holds"),
    "a manifest of another store": (manifest_of(identity=b"x" * 16), "another store"),
    "a frame of the log": (flip("wal/*.wal", 0.3), "wal"),
    "the header of the log": (flip("wal/*.wal", 0.0), "wal"),
    "a log that is gone": (gone("wal/*.wal"), "no log"),
}


@pytest.mark.parametrize("name", DAMAGE)
async def test_what_is_damaged_is_found_and_named(name: str, store: Path) -> None:
    act, words = DAMAGE[name]
    act(store)
    found = verified(store)
    assert not found.ok
    told = " ".join(f"{finding.place} {finding.problem}" for finding in found.findings)
    assert any(word in told for word in words.split("|")), told
    assert all(finding.advice for finding in found.findings)


async def test_columns_of_a_program_that_kept_fewer_keys_are_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column_file, "WHOLE_KEYS_MAX", 0)
    async with opened(tmp_path / "store", QUIET) as engine:
        await engine.create_index(DIM, "l2")
        ids = np.arange(1_000, dtype=np.uint64)
        await engine.upsert(ids, vectors(1_000, DIM, 1), [b'{"n":%d}' % n for n in ids])
        await engine.flush()
    monkeypatch.undo()
    found = await to_thread.run_sync(verified, tmp_path / "store")
    assert [each.problem for each in found.findings] == []


async def test_nothing_is_changed_and_nothing_is_wrong(store: Path) -> None:
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file() and path.name != "LOCK"}
    found = verified(store)
    assert found.findings == found.notes == []
    assert (found.segments, found.vectors) == (2, 200)
    assert found.last_lsn > found.checkpoint_lsn > 0
    assert len(found.digest) == 32
    after = {path: path.read_bytes() for path in store.rglob("*") if path.is_file() and path.name != "LOCK"}
    assert after == before


async def test_a_torn_tail_and_an_orphan_are_notes(store: Path) -> None:
    log = the(store, "wal/*.wal")
    log.write_bytes(log.read_bytes()[:-3])
    shutil.copy(the(store, "*.graph"), store / "index" / "segment-000000000099.graph")
    the(store, "*.fields").unlink()
    found = verified(store)
    assert found.ok
    assert len(found.notes) == 3


async def test_an_open_store_is_verified_beside_its_server(store: Path) -> None:
    async with opened(store, QUIET) as engine:
        before = await to_thread.run_sync(verified, store)
        assert (before.findings, before.is_in_use, before.vectors) == ([], True, 200)
        await engine.flush()
        await engine.tag("t")
        after = await to_thread.run_sync(verified, store)
        assert (after.findings, after.notes, after.vectors) == ([], [], 171)
        for graph in (store / "index").glob("*.graph"):
            flip(graph.name, 0.4)(store)
        damaged = await to_thread.run_sync(verified, store)
        assert damaged.findings, sorted(path.name for path in (store / "index").iterdir())
        assert {finding.place.rpartition(".")[2] for finding in damaged.findings} == {"graph"}
    assert not verified(store).is_in_use


class Overtaken(Verification):
    """A server removes a segment and writes another manifest, so many times, while it is read."""

    times = 1

    def _look(self, is_in_use: bool) -> Verified:
        graph = the(Path(self._layout.folder), "*.graph")
        self.times -= 1
        if self.times < 0:
            return super()._look(is_in_use)
        graph.rename(graph.with_suffix(".aside"))
        try:
            found = super()._look(is_in_use)
        finally:
            graph.with_suffix(".aside").rename(graph)
        assert not found.ok
        manifest_of()(Path(self._layout.folder))
        return found


async def test_what_a_server_replaces_meanwhile_is_no_finding(store: Path) -> None:
    with enter(FILES, str(store)):
        assert Overtaken(FILES, str(store)).run().findings == []
        Overtaken.times = 100
        with pytest.raises(LockHeld, match="faster than it can be read"):
            Overtaken(FILES, str(store)).run()


async def test_no_store_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        verified(tmp_path / "nowhere")


async def test_a_hundred_healthy_stores_have_nothing(tmp_path: Path) -> None:
    random = Random(11)
    for number in range(100):
        folder = tmp_path / str(number)
        async with opened(folder, SMALL if number % 2 else QUIET) as engine:
            if number % 10:
                await engine.create_index(DIM, random.choice(["l2", "cosine", "ip"]), random.choice([8, 16]))
            for step in range(random.randrange(4) if number % 10 else 0):
                rows = random.choice([1, 5, 150])
                ids = np.array(random.sample(range(300), rows), np.uint64)
                payloads = [random.choice([b"", b'{"a":[1,"x"]}', b'{"b":{"c":null}}']) for _ in ids]
                await engine.upsert(ids, vectors(rows, DIM, step), payloads)
                if random.random() < 0.5:
                    await engine.delete(np.array(random.sample(range(300), 50), np.uint64))
                if random.random() < 0.5:
                    await engine.flush()
        found = verified(folder)
        assert found.findings == [], number
        shutil.rmtree(folder)
