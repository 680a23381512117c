"""An index whose ids are strings against a dictionary, through seals, merges, restarts and backups."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions, IndexSpec, Reindex, Verification, restore_backup
from asteroid_cloud.indexer.model.digest import snapshot_digest
from asteroid_cloud.indexer.model.ids import STRING_IDS
from asteroid_cloud.indexer.segment.graph_file import read_graph_footer
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import CorruptionError, InvalidRequest, UnsupportedVersion
from tests.support.engines import SMALL, contents, find, opened, u64, vectors
from tests.support.names import NASTY

pytestmark = pytest.mark.anyio
DIM = 4
POOL = [*NASTY, *(f"row/{number:03}" for number in range(300)), *(f"é{number}" for number in range(100))]


async def churn(engine: Engine, model: dict[str, bytes | None], seed: int, rounds: int) -> None:
    """Writes in batches, some ids twice, and deletes, in the index and in the model."""
    random = np.random.default_rng(seed)
    for number in range(rounds):
        names = [POOL[each] for each in random.integers(0, len(POOL), 40)]
        texts: list[bytes | None] = [None if each % 3 else b'{"n":%d}' % each for each in range(40)]
        await engine.upsert(STRING_IDS.of(names), vectors(40, DIM, seed * 1000 + number), texts)
        for name, text in zip(names, texts, strict=True):
            model[name] = model.get(name) if text is None else text
        gone = [POOL[each] for each in random.integers(0, len(POOL), 8)]
        await engine.delete(STRING_IDS.of(gone))
        for name in gone:
            model.pop(name, None)


def check(engine: Engine, model: dict[str, bytes | None]) -> str:
    found = contents(engine)
    assert set(found) == set(model)
    for name, (_, payload) in found.items():
        text = model[str(name)]
        assert payload == (None if text is None else {"n": int(text[5:-1])})
    return snapshot_digest(engine.snapshot())


async def test_it_holds_what_was_written_whatever_becomes_of_its_parts(tmp_path: Path) -> None:
    model: dict[str, bytes | None] = {}
    path, files = tmp_path / "store", LocalFiles()
    for start in range(4):
        async with opened(path) as engine:
            if start == 0:
                await engine.create_index(DIM, "l2", ids="string")
            elif start % 2:
                check(engine, model)
            await churn(engine, model, start, 12)
            if start % 2:
                await engine.flush()
            digest = check(engine, model)
            if start == 3:
                await engine.backup(str(tmp_path / "backup"))
    verified = Verification(files, str(path)).run()
    assert verified.ok, verified.findings
    report = Reindex(files, str(path), EngineOptions()).compare(lambda done, total: None)
    assert (report.agrees, report.digest) == (True, digest)
    restore_backup(files, str(tmp_path / "backup"), str(tmp_path / "restored"))
    async with opened(tmp_path / "restored") as engine:
        assert check(engine, model) == digest


async def test_ids_of_the_other_kind_change_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(DIM, "l2", ids="string")
        await engine.upsert(STRING_IDS.of(["a"]), vectors(1, DIM), None)
        for wrong in (u64(1), u64(1, 2)):
            with pytest.raises(InvalidRequest) as refused:
                await engine.upsert(wrong, vectors(len(wrong), DIM), None)
            assert refused.value.code == "bad_id"
            with pytest.raises(InvalidRequest):
                await engine.delete(wrong)
        with pytest.raises(InvalidRequest):
            await engine.replace_payload(1, b"{}")
        assert set(contents(engine)) == {"a"}


@pytest.mark.parametrize("exact", [True, False])
async def test_ties_between_parts_are_ordered_by_bytes_to_the_last_place(tmp_path: Path, exact: bool) -> None:
    """Thousands of copies lie in segments and memtables; the k first of all by their bytes are found."""
    rows, names = 3000, [f"{number * 7919 % 3000:04}" for number in range(3000)]
    names = [("é" if number % 3 else "z") + name for number, name in enumerate(names)]
    same = np.ones((rows, DIM), np.float32)
    options = EngineOptions(seal_rows=700, segments_max=3, idle_seal_s=600, idle_flush_s=600)
    async with opened(tmp_path, options) as engine:
        await engine.create_index(DIM, "l2", ids="string")
        for first in range(0, rows, 500):
            await engine.upsert(STRING_IDS.of(names[first : first + 500]), same[:500], None)
        assert len(engine.snapshot().parts) > 1
        expected = sorted(names, key=str.encode)
        for k in (1, 10, 999):
            hits = find(engine, same[0], k, exact=exact)
            assert hits.found.tolist() == [k]
            got = hits.ids[0].tolist()
            assert got == sorted(got, key=str.encode)
            if exact:
                assert got == expected[:k]


async def sealed(path: Path) -> tuple[str, Segment, bytes, IndexSpec]:
    async with opened(path, SMALL) as engine:
        await engine.create_index(DIM, "l2", ids="string")
        await engine.upsert(STRING_IDS.of(NASTY), vectors(len(NASTY), DIM), None)
        await engine.flush()
        identity, spec = engine.identity, engine.spec
        part = engine.snapshot().parts[0].part
        assert isinstance(part, Segment)
        assert spec is not None
        return str(path / "index"), part, identity, spec


async def test_a_flipped_bit_of_the_ids_is_found_when_the_segment_is_opened(tmp_path: Path) -> None:
    folder, part, identity, spec = await sealed(tmp_path)
    file = Path(folder) / f"segment-{part.number:012d}.graph"
    whole, names = file.read_bytes(), read_graph_footer(LocalFiles(), str(file)).names
    assert names
    places = [
        each
        for section in (names.ends, names.text, names.filter)
        for each in (
            section.offset,
            section.offset + section.length // 2,
            section.offset + section.length - 1,
        )
    ]
    for place in places:
        for bit in (0, 5, 7):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            file.write_bytes(damaged)
            with pytest.raises((CorruptionError, UnsupportedVersion)):
                Segment(LocalFiles(), folder, identity, part.number, spec, part.sealed_lsn)
    file.write_bytes(whole)


async def test_a_file_that_is_damaged_while_it_is_mapped_gives_an_error_or_a_wrong_id(tmp_path: Path) -> None:
    folder, part, _, _ = await sealed(tmp_path)
    file = Path(folder) / f"segment-{part.number:012d}.graph"
    names = read_graph_footer(LocalFiles(), str(file)).names
    assert names
    async with opened(tmp_path, SMALL) as engine:
        [view] = engine.snapshot().parts
        ordinals = np.arange(view.rows, dtype=np.uint32)
        random = np.random.default_rng(0)
        for _ in range(300):
            with file.open("r+b") as opened_file:
                section = [names.ends, names.text, names.filter][int(random.integers(0, 3))]
                place = section.offset + int(random.integers(0, section.length))
                opened_file.seek(place)
                byte = opened_file.read(1)[0] ^ (1 << int(random.integers(0, 8)))
                opened_file.seek(place)
                opened_file.write(bytes([byte]))
            for call in (
                lambda: view.ids(ordinals),
                lambda: view.find(STRING_IDS.of(NASTY)),
                lambda: view.in_order(None, "a", 10),
                lambda: find(engine, vectors(1, DIM), 20, exact=True),
            ):
                with suppress(CorruptionError):
                    call()
