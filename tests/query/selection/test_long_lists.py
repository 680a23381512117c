"""Long lists of values in filters: columns with whole and with sparse keys agree with the payloads."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from asteroid_cloud.indexer import PartView
from asteroid_cloud.indexer.segment import column_file
from tests.query.selection.test_field_agreement import ids_matching, view_of

ROWS = 3_000
LARGE = [2**53, 2**53 + 1, float(2**53), 2**64 - 1, -(2**63), 1e300, -1e300, 10**30]


def document(random: Random, row: int) -> dict[str, Any]:
    return {
        "few": random.randrange(20),
        "word": random.choice(["a", "b", "é", "w" * 30, "w" * 30 + "x", "w" * 31]),
        "row": row * 7,
        "code": f"{'c' * (row % 25)}{row * 7919 % ROWS:05d}{'é' * (row % 2)}",
        "name": f"{'n' * (row % 40)}{row * 7919 % ROWS:05d}{'t' * (row % 60)}",
        "mixed": random.choice([row, float(row), str(row), None, True, [row], {"r": row}, row + 0.5, *LARGE]),
        "list": [random.choice([row, str(row), None]) for _ in range(3)],
    }


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    random = Random(3)
    return [document(random, row) for row in range(ROWS)]


@pytest.fixture(scope="module", params=[0, column_file.WHOLE_KEYS_MAX])
def view(
    request: pytest.FixtureRequest,
    documents: list[dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> PartView:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(column_file, "WHOLE_KEYS_MAX", request.param)
        made = view_of(tmp_path_factory.mktemp("segment"), [json.dumps(each).encode() for each in documents])
    fields = made.part.fields
    assert fields is not None
    for path, kind in (("row", "number"), ("mixed", "number"), ("code", "string")):
        column = fields.column((path,), kind)
        assert column is not None
        assert column.is_exact == (request.param > 0)
    return made


def plain(value: Any) -> Any:
    """What a set tells apart as filters do."""
    if isinstance(value, list | dict) or value is None or isinstance(value, bool):
        return json.dumps(value)
    return ("text", value) if isinstance(value, str) else value


@pytest.mark.parametrize("field", ["few", "word", "row", "code", "name", "mixed"])
@pytest.mark.parametrize("length", [17, 300, 4_000])
def test_values_of_a_list(view: PartView, documents: list[dict[str, Any]], field: str, length: int) -> None:
    random = Random(length)
    there = [each[field] for each in documents]
    others = [-1, "zz", "", "n" * 500, 10**400, 0.25, *LARGE, 3, 4.0, "é", False]
    for _ in range(3):
        wanted = random.choices([*there, *others], k=length)
        kept = set(map(plain, wanted))
        expected = {row for row, value in enumerate(there) if plain(value) in kept}
        assert ids_matching(view, {field: {"$in": wanted}}) == expected
        assert ids_matching(view, {field: {"$nin": wanted}}) == set(range(ROWS)) - expected


def test_elements_of_a_list(view: PartView, documents: list[dict[str, Any]]) -> None:
    random = Random(1)
    wanted = [
        each for row in random.sample(range(ROWS), 400) for each in documents[row]["list"] if each is not None
    ]
    kept = set(map(plain, wanted))
    expected = {row for row, each in enumerate(documents) if kept & set(map(plain, each["list"]))}
    assert ids_matching(view, {"list": {"$contains_any": wanted}}) == expected


def test_a_column_that_nothing_is_in(view: PartView) -> None:
    assert ids_matching(view, {"few": {"$in": [f"text {i}" for i in range(100)]}}) == set()
    assert ids_matching(view, {"none": {"$in": [*range(100)]}}) == set()
    assert ids_matching(view, {"row": {"$in": [-i for i in range(1, 100)]}}) == set()


def test_texts_that_begin_alike(tmp_path: Path) -> None:
    alike = [json.dumps({"a": f"{'p' * 40}{row % 3}"}).encode() for row in range(600)]
    wanted = [f"{'p' * 40}{i}" for i in range(1, 50)]
    assert ids_matching(view_of(tmp_path, alike), {"a": {"$in": wanted}}) == {
        row for row in range(600) if row % 3
    }
