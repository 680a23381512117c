"""Columns of more values than there is memory for, and of strings that begin alike."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from asteroid_cloud.indexer import Fields
from asteroid_cloud.indexer.build.source import Abandoned
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment import column_file
from asteroid_cloud.indexer.segment.column_file import LONG_KEY_BYTES, write_fields
from asteroid_cloud.indexer.segment.payload_file import PayloadFile, write_payloads
from asteroid_cloud.wal.disk.local_files import LocalFiles
from asteroid_cloud.wal.errors import StorageError
from tests.support.old_columns import forget_long
from tests.support.strategies import random_payload

FILES, IDENTITY = LocalFiles(), b"0123456789abcdef"
MIB = 1 << 20
ADDRESS = "https://library.example/catalogue/of/books/"


def payloads_of(folder: Path, texts: list[bytes], name: str = "p") -> PayloadFile:
    write_payloads(FILES, str(folder / name), IDENTITY, 1, texts)
    return PayloadFile(FILES, str(folder / name), IDENTITY, 1, len(texts))


def written(path: Path, payloads: PayloadFile, rows: int, bytes_max: int = MIB) -> Fields:
    write_fields(FILES, str(path), IDENTITY, 1, rows, payloads, bytes_max)
    return Fields(FILES, str(path), IDENTITY, 1, rows)


@pytest.mark.parametrize("exact_keys_min", [4, 256])
def test_a_file_is_the_same_however_little_memory_there_is(
    exact_keys_min: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column_file, "EXACT_KEYS_MIN", exact_keys_min)
    monkeypatch.setattr(column_file, "ENTRIES_AT_ONCE", 100)
    random = Random(exact_keys_min)
    documents = [random_payload(random) | {"n": random.randrange(900), "same": 1} for _ in range(2_500)]
    texts = [json.dumps(each | {"t": f"{ADDRESS}{each['n']}"}).encode() for each in documents]
    payloads = payloads_of(tmp_path, texts)
    whole = written(tmp_path / "whole", payloads, len(texts), 64 * MIB)
    for bytes_max in (300, 20_000, MIB // 4):
        path = tmp_path / str(bytes_max)
        assert whole.differing(written(path, payloads, len(texts), bytes_max)) == []
        assert path.read_bytes() == (tmp_path / "whole").read_bytes()
    assert whole.paths() is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["20000", "262144", "300", "p", "whole"]


def test_long_columns_are_apart_for_programs_that_do_not_know_them(tmp_path: Path) -> None:
    rows = 1_100
    texts = [json.dumps({"url": f"{ADDRESS}{n:06d}", "n": n}).encode() for n in range(rows)]
    payloads = payloads_of(tmp_path, texts)
    fields = written(tmp_path / "new", payloads, rows)
    column = fields.column(("url",), "string")
    assert column is not None
    assert (column.key_bytes, column.is_exact, column.groups) == (LONG_KEY_BYTES, False, 69)
    assert column.key(1) == f"{ADDRESS}{16:06d}".encode()[: len(ADDRESS) + 6]
    assert column.key(10) == f"{ADDRESS}00016".encode(), "no longer than what tells it from 159"
    assert sorted(fields.paths() or ()) == [("n",), ("url",)]

    old = tmp_path / "old"
    old.write_bytes((tmp_path / "new").read_bytes())
    assert forget_long(old) == 1
    seen = Fields(FILES, str(old), IDENTITY, 1, rows)
    with pytest.raises(KeyError):
        seen.column(("url",), "string")
    assert seen.column(("n",), "number") is not None
    assert seen.knows(("url",))
    assert seen.paths() is None
    assert fields.differing(seen) == seen.differing(fields) == []


def test_columns_of_short_keys_do_not_differ_from_long_ones(tmp_path: Path) -> None:
    rows = 1_100
    texts = [json.dumps({"url": f"{ADDRESS}{n:06d}"}).encode() for n in range(rows)]
    payloads = payloads_of(tmp_path, texts)
    new = written(tmp_path / "new", payloads, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(column_file, "KEY_BYTES", LONG_KEY_BYTES)  # no column of such keys is crowded
        old = written(tmp_path / "old", payloads, rows)
    assert old.column(("url",), "string") is not None
    assert new.differing(old) == old.differing(new) == []


@pytest.mark.parametrize("alike", [1_024, 1_025])
def test_strings_that_are_equal_make_no_column_long(alike: int, tmp_path: Path) -> None:
    texts = [json.dumps({"url": ADDRESS}).encode() for _ in range(alike)]
    fields = written(tmp_path / "equal", payloads_of(tmp_path, texts), alike)
    column = fields.column(("url",), "string")
    assert column is not None
    assert column.key_bytes == 32
    texts = [json.dumps({"url": f"{ADDRESS}{n}"}).encode() for n in range(alike)]
    fields = written(tmp_path / "different", payloads_of(tmp_path, texts, "q"), alike)
    column = fields.column(("url",), "string")
    assert column is not None
    assert column.key_bytes == (32 if alike == 1_024 else LONG_KEY_BYTES)


def test_sorting_stops_when_nobody_wants_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_file, "ENTRIES_AT_ONCE", 50)
    texts = [json.dumps({"url": f"{ADDRESS}{n:06d}", "n": n}).encode() for n in range(1_100)]
    payloads = payloads_of(tmp_path, texts)

    def run(checks: int) -> int:
        asked = 0

        def check_wanted() -> None:
            nonlocal asked
            asked += 1
            if asked > checks:
                raise Abandoned

        path = tmp_path / f"fields {checks}"
        write_fields(FILES, str(path), IDENTITY, 1, len(texts), payloads, 2_000, check_wanted)
        return asked

    asked = run(1 << 40)
    assert asked > 2 * len(texts) // 50
    for checks in range(0, asked, 7):
        with pytest.raises(Abandoned):
            run(checks)


def test_a_scratch_file_that_cannot_be_made_is_a_typed_error(tmp_path: Path) -> None:
    class Elsewhere(LocalFiles):
        def real_path(self, path: str) -> str:
            return f"{path}/missing"

    texts = [json.dumps({"n": n}).encode() for n in range(500)]
    payloads = payloads_of(tmp_path, texts)
    with pytest.raises(StorageError, match="sort columns in"):
        write_fields(Elsewhere(), str(tmp_path / "f"), IDENTITY, 1, 500, payloads, 1_000)
    write_fields(Elsewhere(), str(tmp_path / "g"), IDENTITY, 1, 500, payloads, MIB)


def test_rows_beyond_the_column_are_refused(tmp_path: Path) -> None:
    shredder = core.Shredder(256, 8, MIB, str(tmp_path))
    shredder.add([b'{"a":1}', b'{"a":2}'])
    (name,) = shredder.columns
    column = shredder.take(name, 10, 0)
    while column.step(1):
        pass
    assert column.rows(0, 2).tolist() == [0, 1]
    for start, stop in ((0, 3), (2, 1)):
        with pytest.raises(ValueError, match="fewer entries"):
            column.rows(start, stop)
    with pytest.raises(ValueError, match="no such column"):
        shredder.take(name, 10, 0)
