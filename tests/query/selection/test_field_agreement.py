"""Whole segments, from sealing to bitmap: filters match what the oracle says, whatever columns can hold."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from asteroid_cloud.indexer import EngineOptions, IndexSpec, PartView
from asteroid_cloud.indexer.build.builder import SegmentBuilder, Source
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.memtable import Memtable
from asteroid_cloud.query import parse_filter
from asteroid_cloud.query.selection.evaluate_filter import evaluate
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.lsn import Lsn
from tests.support import oracle
from tests.support.engines import budget_of
from tests.support.strategies import PATHS, random_payload, random_value

FILES = LocalFiles()
IDENTITY = bytes(16)
LONG = ["x" * 40 + str(n % 37) + "y" * (n % 300) for n in range(400)]
LONG += [f"{n * 7919 % 1000:03d} and more" for n in range(1000)]


def view_of(folder: Path, payloads: list[bytes]) -> PartView:
    """A segment with these payloads, in an order of its own."""
    spec = IndexSpec(2, "l2")
    block = Memtable(spec, 0, len(payloads))
    ids = np.arange(len(payloads), dtype=np.uint64)
    block.append(Lsn(1), ids, spec.encode(np.zeros((len(payloads), 2), np.float32)), payloads)
    options = EngineOptions(links_max=4, ef_construction=10)
    builder = SegmentBuilder(FILES, str(folder), IDENTITY, options, budget_of(options))
    builder.seal(1, spec, [Source(block, np.arange(len(payloads), dtype=np.uint32))], lambda: True)
    segment = Segment(FILES, str(folder), IDENTITY, 1, spec, Lsn(1))
    return PartView(segment, segment.rows, segment.rows, None)


def ids_matching(view: PartView, filter: object) -> set[int]:
    bits = evaluate(view, parse_filter(filter), 0, view.rows)
    rows = np.flatnonzero(np.unpackbits(bits, bitorder="little"))
    assert len(rows) == 0 or rows.max() < view.rows
    return set(view.ids(rows.astype(np.uint32)).tolist())


def expected(documents: list[dict[str, Any]], filter: dict[str, Any]) -> set[int]:
    return {row for row, document in enumerate(documents) if oracle.matches(filter, document)}


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    random = Random(5)
    return [random_payload(random) for _ in range(300)]


@pytest.fixture(scope="module")
def view(documents: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> PartView:
    texts = [json.dumps(each).encode() if each else b"" for each in documents]
    return view_of(tmp_path_factory.mktemp("segment"), texts)


def random_condition(random: Random) -> Any:
    order = random.choice(["$gt", "$gte", "$lt", "$lte", "$eq", "$ne"])
    several = random.choice(["$in", "$nin", "$contains_any", "$contains_all"])
    return random.choice(
        [
            random_value(random, 2),
            {order: random_value(random, 1)},
            {several: [random_value(random, 1) for _ in range(random.randrange(4))]},
            {"$exists": random.random() < 0.5},
            {"$prefix": random.choice(["", "a", "2026", "é", "x" * 39])},
            {"$ieq": random.choice(["AB", "strasse", "é"])},
            {"$size": random.randrange(3)},
            {"$size": {order: 1} if order not in ("$eq", "$ne") else 2},
        ]
    )


def random_filter(random: Random, depth: int = 2) -> dict[str, Any]:
    choice = random.random()
    if depth and choice < 0.3:
        return {random.choice(["$and", "$or", "$nor"]): [random_filter(random, depth - 1) for _ in range(2)]}
    if depth and choice < 0.4:
        return {"$not": random_filter(random, depth - 1)}
    return {random.choice(PATHS): random_condition(random) for _ in range(random.randrange(1, 3))}


def test_thousands_of_filters_over_many_kinds_of_values(
    view: PartView, documents: list[dict[str, Any]]
) -> None:
    random = Random(11)
    some = 0
    for _ in range(2_000):
        filter = random_filter(random)
        wanted = expected(documents, filter)
        some += 0 < len(wanted) < len(documents)
        assert ids_matching(view, filter) == wanted, filter
    assert some > 700


@pytest.fixture(scope="module")
def long_documents() -> list[dict[str, Any]]:
    random = Random(3)
    return [
        {"t": random.choice(LONG), "l": random.sample(LONG, 3), "n": random.randrange(-(10**6), 10**6)}
        for _ in range(400)
    ]


@pytest.fixture(scope="module")
def long_view(long_documents: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> PartView:
    texts = [json.dumps(each).encode() for each in long_documents]
    return view_of(tmp_path_factory.mktemp("long"), texts)


def test_texts_too_many_to_be_kept(long_view: PartView, long_documents: list[dict[str, Any]]) -> None:
    fields = long_view.part.fields
    assert fields is not None
    column = fields.column(("t",), "string")
    assert column is not None
    assert not column.is_exact, "the test is about strings that the columns do not hold"
    random = Random(8)
    for _ in range(150):
        text = random.choice([*LONG, "", "x", "x" * 41, "x" * 96, "y", LONG[7] + "\0", LONG[300][:-1]])
        condition = random.choice(
            [
                text,
                {"$in": random.sample(LONG, 5)},
                {random.choice(["$gt", "$gte", "$lt", "$lte"]): text},
                {"$prefix": text[: random.randrange(60)]},
                {"$ieq": text.upper()},
            ]
        )
        filter = {"t": condition}
        assert ids_matching(long_view, filter) == expected(long_documents, filter), filter
        filter = {"l": {random.choice(["$contains_any", "$contains_all"]): random.sample(LONG, 2)}}
        assert ids_matching(long_view, filter) == expected(long_documents, filter), filter
        filter = {"l": random.choice(long_documents)["l"], "n": {"$gte": random.randrange(-(10**6), 10**6)}}
        assert ids_matching(long_view, filter) == expected(long_documents, filter), filter


def test_numbers_compare_exactly(tmp_path: Path) -> None:
    numbers = [2**53, 2**53 + 1, float(2**53), 2**64 - 1, 2**64, 10**19, 10**20, 10**25, -(2**63), 0.1, -0.0]
    numbers += [10**300, 1e300, 1e25, 2**53 + 2]
    documents: list[dict[str, Any]] = [{"a": number, "b": [number, {"c": number}]} for number in numbers]
    view = view_of(tmp_path, [json.dumps(each).encode() for each in documents])
    for number in [*numbers, 2**53 - 1, 10**400, -(10**400), 0]:
        for order in ("$eq", "$gt", "$gte", "$lt", "$lte"):
            assert ids_matching(view, {"a": {order: number}}) == expected(documents, {"a": {order: number}})
        for filter in ({"b": {"$contains_any": [number]}}, {"b": {"$contains_all": [{"c": number}, number]}}):
            assert ids_matching(view, filter) == expected(documents, filter)
        assert ids_matching(view, {"b": [number, {"c": number}]}) == expected(
            documents, {"b": [number, {"c": number}]}
        )


def test_paths_beyond_the_limit_are_found_by_reading(tmp_path: Path) -> None:
    documents: list[dict[str, Any]] = [{f"p{row % 300}": row, "every": row} for row in range(600)]
    documents += [
        {"deep": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}}}} for _ in range(3)
    ]
    view = view_of(tmp_path, [json.dumps(each).encode() for each in documents])
    assert view.part.fields is not None
    assert not view.part.fields.knows(("never",))
    for filter in (
        {"p299": 299},
        {"p0": {"$exists": True}},
        {"p299": {"$exists": True}, "every": {"$lt": 300}},
        {"never": None},
        {".".join("a" * 21): 1},
        {".".join("a" * 15): {"$exists": True}},
        {"$not": {"p298": {"$gte": 0}}},
    ):
        assert ids_matching(view, filter) == expected(documents, filter)


@pytest.mark.parametrize("payload", [b'{"a":1,"a":2}', b'{"a":{"b":1},"a":{"c":2}}', b'{"a.b":1,"":{"":0}}'])
def test_odd_names(tmp_path: Path, payload: bytes) -> None:
    document = json.loads(payload)
    view = view_of(tmp_path, [payload])
    for path in ("a", "a.b", "a.c", "", "."):
        for value in (1, 2, 0, {"b": 1}, {"c": 2}):
            assert ids_matching(view, {path: value}) == expected([document], {path: value})
