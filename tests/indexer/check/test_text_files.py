"""Text indexes on the disk: damage is found, not copied, and mended; copies answer as the store did."""

from __future__ import annotations

from pathlib import Path

import anyio
import numpy as np
import pytest

from asteroid_cloud import query
from asteroid_cloud.indexer import (
    Engine,
    EngineOptions,
    Point,
    PointInTimeRestore,
    Verification,
    checked_spec,
    checked_text,
    restore_backup,
)
from asteroid_cloud.indexer.checkpoint.manifest import newest_manifest
from asteroid_cloud.indexer.segment import text_file
from asteroid_cloud.indexer.segment.payload_file import PayloadFile
from asteroid_cloud.query import FilterCache, SearchRequest, TextQuery
from asteroid_cloud.wal.disk import LocalFiles
from asteroid_cloud.wal.errors import CorruptionError, Overloaded
from tests.support.engines import vectors

pytestmark = pytest.mark.anyio
FILES = LocalFiles()
DIM, ROWS = 4, 120
WORDS = ["dog", "cat", "bird", "running", "straße", "日本語", "a", "naïve"]
OPTIONS = EngineOptions(idle_seal_s=600, idle_flush_s=600, keep_log=True)
TEXT = checked_text([(("gloss",), "english"), (("title",), None)])
Answers = list[tuple[list[int], list[float]]]


def payload_of(id_: int) -> bytes:
    words = " ".join(WORDS[(id_ * step) % len(WORDS)] for step in (1, 3, 5)[: 1 + id_ % 3])
    return f'{{"gloss":"{words}","title":"{WORDS[id_ % 7]} {id_}"}}'.encode()


async def answers(engine: Engine) -> Answers:
    """What searches for each word find, once everything is indexed."""
    found: Answers = []
    for word in WORDS:
        request = SearchRequest(text=TextQuery(query=word), k=500)
        with anyio.fail_after(30):
            while True:
                try:
                    result = query.search(engine.snapshot(), request, FilterCache())
                    break
                except Overloaded:
                    await anyio.sleep(0.01)
        assert result.scores is not None
        found.append((result.ids.tolist(), result.scores.tolist()))
    return found


async def of_store(path: Path) -> Answers:
    async with Engine.open(str(path), OPTIONS) as engine:
        await engine.ready()
        return await answers(engine)


@pytest.fixture
async def store(tmp_path: Path) -> tuple[Path, Answers]:
    """Two segments with words, some dead rows, rows of the tail; closed. And what it answers."""
    path = tmp_path / "store"
    async with Engine.open(str(path), OPTIONS) as engine:
        await engine.ready()
        await engine.texts.create_index(checked_spec(DIM, "l2"), TEXT)
        for first in (0, ROWS):
            ids = np.arange(first, first + ROWS, dtype=np.uint64)
            await engine.upsert(ids, vectors(ROWS, DIM, first), [payload_of(id_) for id_ in ids.tolist()])
            await engine.flush()
        await engine.delete(np.arange(0, 20, dtype=np.uint64))
        await engine.upsert(np.array([900], np.uint64), vectors(1, DIM, 5), [payload_of(900)])
        return path, await answers(engine)


def problems(store: Path) -> list[str]:
    report = Verification(FILES, str(store)).run()
    return [finding.place for finding in report.findings]


def text_files(store: Path) -> list[Path]:
    return sorted(store.rglob("*.text"))


async def test_a_whole_store_has_no_findings(store: tuple[Path, Answers]) -> None:
    assert len(text_files(store[0])) == 2
    assert problems(store[0]) == []


async def test_runs_of_any_size_are_checked(store: tuple[Path, Answers], tmp_path: Path) -> None:
    path, told = store
    for each in text_files(path):
        rewrite(path, each, bytes_max=600)
    assert problems(path) == []
    assert await of_store(path) == told


async def test_a_flipped_bit_anywhere_is_found_not_backed_up_and_mended(
    store: tuple[Path, Answers], tmp_path: Path
) -> None:
    path, told = store
    chosen = text_files(path)[0]
    whole = chosen.read_bytes()
    for number, place in enumerate(range(3, len(whole), len(whole) // 12)):
        data = bytearray(whole)
        data[place] ^= 1 << number % 8
        chosen.write_bytes(data)
        found = problems(path)
        if not found:  # between two sections, which nothing reads
            assert whole[place] == 0
            continue
        assert all(place.endswith(chosen.name) for place in found)
        async with Engine.open(str(path), OPTIONS) as engine:
            await engine.ready()
            assert await answers(engine) == told, place
        assert problems(path) == []


async def test_damage_while_it_serves_is_not_backed_up(store: tuple[Path, Answers], tmp_path: Path) -> None:
    path, _ = store
    async with Engine.open(str(path), OPTIONS) as engine:
        await engine.ready()
        chosen = text_files(path)[0]
        data = bytearray(chosen.read_bytes())
        data[200] ^= 4
        chosen.write_bytes(data)
        with pytest.raises(CorruptionError, match="text"):
            await engine.backup(str(tmp_path / "backup"))
    assert not (tmp_path / "backup").exists()


def rewrite(store: Path, path: Path, *, bytes_max: int = 2**30, of: int | None = None) -> None:
    """Writes the text file of a segment again: of its own payloads, or of those of another segment."""
    manifest = newest_manifest(FILES, str(store / "index"))
    assert manifest is not None
    number = int(path.stem.removeprefix("segment-"))
    source, identity = number if of is None else of, manifest.identity
    payloads = PayloadFile(FILES, str(path.parent / f"segment-{source:012d}.payload"), identity, source, ROWS)
    path.unlink()
    text_file.write_text(FILES, str(path), identity, number, ROWS, payloads, TEXT, bytes_max)


async def test_words_of_other_payloads_are_found_by_verify(store: tuple[Path, Answers]) -> None:
    path, _ = store
    first, second = text_files(path)
    rewrite(path, first, of=int(second.stem.removeprefix("segment-")))
    assert [place.rsplit("/", 1)[-1] for place in problems(path)] == [first.name]


async def test_a_missing_file_is_made_again(store: tuple[Path, Answers]) -> None:
    path, told = store
    for each in text_files(path):
        each.unlink()
    assert await of_store(path) == told
    assert len(text_files(path)) >= 2


async def test_a_backup_and_a_moment_answer_as_the_store_did(
    store: tuple[Path, Answers], tmp_path: Path
) -> None:
    path, told = store
    async with Engine.open(str(path), OPTIONS) as engine:
        await engine.ready()
        await engine.backup(str(tmp_path / "backup"))
        lsn = engine.applied_lsn
        await engine.texts.define(None)
        await engine.delete(np.arange(0, 200, dtype=np.uint64))
    assert len(text_files(tmp_path / "backup")) == 2
    restore_backup(FILES, str(tmp_path / "backup"), str(tmp_path / "restored"))
    assert await of_store(tmp_path / "restored") == told
    PointInTimeRestore(FILES, str(path)).to_new(str(tmp_path / "moment"), Point(lsn))
    assert await of_store(tmp_path / "moment") == told
    assert problems(tmp_path / "moment") == []
