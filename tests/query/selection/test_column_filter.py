"""What a segment's fields say of a filter, held against the payloads themselves."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from asteroid_cloud.indexer import Fields, PartView
from asteroid_cloud.indexer.segment import column_file as fields_file
from asteroid_cloud.indexer.segment.column_file import write_fields
from asteroid_cloud.indexer.segment.payload_file import PayloadFile, write_payloads
from asteroid_cloud.query import parse_filter
from asteroid_cloud.query.selection.column_filter import filter_by_columns
from asteroid_cloud.query.selection.evaluate_filter import evaluate
from asteroid_cloud.wal.disk.local_files import LocalFiles
from asteroid_cloud.wal.limits import MIB
from tests.support import oracle
from tests.support.old_columns import leave_out
from tests.support.parts import World
from tests.support.strategies import random_filter, random_payload

FILES = LocalFiles()
IDENTITY = b"0123456789abcdef"


def fields_of(folder: Path, texts: list[bytes], bytes_max: int = MIB) -> Fields:
    """The columns of some payloads."""
    folder.mkdir(exist_ok=True)
    paths = str(folder / "payload"), str(folder / "fields")
    write_payloads(FILES, paths[0], IDENTITY, 1, texts)
    payloads = PayloadFile(FILES, paths[0], IDENTITY, 1, len(texts))
    write_fields(FILES, paths[1], IDENTITY, 1, len(texts), payloads, bytes_max)
    return Fields(FILES, paths[1], IDENTITY, 1, len(texts))


def view_of(texts: list[bytes], fields: Fields) -> PartView:
    """A part with these payloads and columns."""
    world = World(dim=1)
    world.add_block().fields = fields
    world.upsert(range(len(texts)), payloads=texts)
    return world.snapshot().parts[0]


def flags(bits: np.ndarray, rows: int) -> list[bool]:
    return np.unpackbits(bits, count=rows, bitorder="little").astype(bool).tolist()


@pytest.mark.parametrize("exact_keys_min", [1, 4, 256])
@pytest.mark.parametrize("are_all_there", [False, True])
def test_thousands_of_filters_agree_with_the_oracle(
    exact_keys_min: int, are_all_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fields_file, "EXACT_KEYS_MIN", exact_keys_min)
    monkeypatch.setattr(fields_file, "WHOLE_KEYS_MAX", 4 * exact_keys_min)
    random = Random(exact_keys_min + are_all_there)
    documents = [random_payload(random) for _ in range(100)] + [{}]
    texts = [json.dumps(document, ensure_ascii=False).encode() for document in documents[:-1]] + [b""]
    fields = fields_of(tmp_path / "store", texts)
    if not are_all_there:
        assert leave_out(tmp_path / "store" / "fields", random) > 10
        fields = Fields(FILES, str(tmp_path / "store" / "fields"), IDENTITY, 1, len(texts))
    view = view_of(texts, fields)
    settled = 0
    for _ in range(1_000):
        source = random_filter(random)
        filter = parse_filter(source)
        wanted = [oracle.matches(source, document) for document in documents]
        assert flags(evaluate(view, filter, 0, len(texts)), len(texts)) == wanted, source
        certain, possible = filter_by_columns(filter.root, fields)
        assert not np.any(certain & ~possible), source
        settled += bool(np.array_equal(certain, possible))
    assert settled > 100, "columns alone settle many filters"


def test_no_payload_is_read_for_what_the_columns_hold(tmp_path: Path) -> None:
    documents: list[dict[str, Any]] = [
        {"kind": f"k{n % 5}", "n": n, "tags": ["even" if n % 2 == 0 else "odd"], "at": {"day": n % 7}}
        for n in range(200)
    ]
    texts = [json.dumps(document).encode() for document in documents]
    fields = fields_of(tmp_path / "store", texts)
    view = view_of(texts, fields)
    for source in (
        {"kind": "k3"},
        {"kind": {"$ne": "k3"}, "n": {"$gte": 17, "$lt": 120}},
        {"$or": [{"tags": {"$contains_any": ["odd"]}}, {"at.day": {"$in": [1, 2]}}]},
        {"$not": {"at": {"$exists": False}}},
        {"kind": {"$prefix": "k"}, "tags": {"$size": 1}, "missing": {"$exists": False}},
    ):
        wanted = [oracle.matches(source, document) for document in documents]
        assert flags(evaluate(view, parse_filter(source), 0, 200), 200) == wanted
    assert view.part.payloads_read == []  # type: ignore[attr-defined]


def test_what_is_cut_or_between_fences_is_left_to_the_payloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fields_file, "EXACT_KEYS_MIN", 4)
    monkeypatch.setattr(fields_file, "WHOLE_KEYS_MAX", 4)
    documents = [
        {"text": "same beginning, longer than a key " + f"{n:04d}", "n": 2**53 + n} for n in range(300)
    ]
    texts = [json.dumps(document).encode() for document in documents]
    view = view_of(texts, fields_of(tmp_path / "store", texts))
    for source in (
        {"text": documents[7]["text"]},
        {"text": {"$gt": documents[250]["text"]}},
        {"text": {"$prefix": "same beginning, longer than a key 01"}},
        {"text": {"$ieq": str(documents[9]["text"]).upper()}},
        {"n": 2**53 + 1},
        {"n": {"$lte": 2**53 + 100}},
    ):
        wanted = [oracle.matches(source, document) for document in documents]
        assert 0 < sum(wanted) < 300
        assert flags(evaluate(view, parse_filter(source), 0, 300), 300) == wanted, source


def test_strings_that_begin_alike_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = "https://library.example/catalogue/of/books/"
    random = Random(8)
    numbers = list(range(1_500))
    random.shuffle(numbers)
    documents: list[dict[str, Any]] = [{"url": f"{begin}{n:05d}/ä"} for n in numbers]
    documents += [{"url": begin + "x" * 300 + str(n % 3)} for n in range(40)]
    documents += [{"url": begin[:20]}, {"url": ""}, {"url": 7}, {}]
    texts = [json.dumps(each, ensure_ascii=False).encode() for each in documents]
    fields = fields_of(tmp_path / "store", texts)
    column = fields.column(("url",), "string")
    assert column is not None
    assert column.key_bytes == 256
    view, rows = view_of(texts, fields), len(texts)
    group = 16 + 40  # with the strings that 256 bytes do not tell apart
    most = {"$in": 20 * 16 + 40, "$nin": 20 * 16 + 40, "$prefix": 2 * group, "$ieq": rows}
    bounds = [f"{begin}{n:05d}/ä" for n in (0, 3, 700, 1_499, 2_000)]
    bounds += [
        begin,
        begin[:20],
        "",
        begin + "x" * 300 + "1",
        begin + "x" * 256,
        f"{begin}007",
        f"{begin}00\x00",
    ]
    many = [f"{begin}{n:05d}/ä" for n in range(0, 2_000, 100)] + [begin + "x" * 300 + "2"]
    for operator in ("$eq", "$gt", "$gte", "$lt", "$lte", "$prefix", "$in", "$ieq", "$nin"):
        for bound in bounds if operator not in ("$in", "$nin") else [many]:
            view.part.payloads_read.clear()  # type: ignore[attr-defined]
            source = {"url": {operator: bound}}
            wanted = [oracle.matches(source, document) for document in documents]
            assert flags(evaluate(view, parse_filter(source), 0, rows), rows) == wanted, source
            read = len(view.part.payloads_read)  # type: ignore[attr-defined]
            assert read <= most.get(operator, group), source


def test_many_paths_and_deep_ones_are_filtered_all_the_same(tmp_path: Path) -> None:
    deep: dict[str, Any] = {"x": 1}
    for _ in range(12):
        deep = {"d": deep}
    documents = [{f"field {n}": n, "deep": deep if n % 2 else 0} for n in range(400)]
    texts = [json.dumps(document).encode() for document in documents]
    view = view_of(texts, fields_of(tmp_path / "store", texts))
    for source in (
        {"field 3": 3},
        {"field 399": 399},
        {"field 399": {"$exists": False}},
        {".".join(["deep", *["d"] * 12, "x"]): 1},
        {"deep": deep},
    ):
        wanted = [oracle.matches(source, document) for document in documents]
        assert any(wanted)
        assert flags(evaluate(view, parse_filter(source), 0, 400), 400) == wanted, source


def test_the_last_of_two_members_of_one_name_counts(tmp_path: Path) -> None:
    texts = [b'{"a":1,"a":2}', b'{"a":1}', b'{"a":{"b":1,"b":3}}', b'{"a":2}']
    view = view_of(texts, fields_of(tmp_path / "store", texts))
    for source in ({"a": 1}, {"a": 2}, {"a": {"$ne": 1}}, {"a.b": 3}, {"a.b": 1}):
        wanted = [oracle.matches(source, json.loads(text)) for text in texts]
        assert flags(evaluate(view, parse_filter(source), 0, 4), 4) == wanted, source


def test_a_size_beyond_all_numbers_is_answered_like_any_other(tmp_path: Path) -> None:
    texts = [b'{"a":[1,2]}', b'{"a":[]}', b'{"b":1}']
    view = view_of(texts, fields_of(tmp_path / "store", texts))
    for source in (
        {"a": {"$size": 10**400}},
        {"a": {"$size": {"$lt": 10**400}}},
        {"a": {"$size": {"$gt": 1}}},
    ):
        wanted = [oracle.matches(source, json.loads(text)) for text in texts]
        assert flags(evaluate(view, parse_filter(source), 0, 3), 3) == wanted, source
