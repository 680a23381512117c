"""Times with and without an offset, and dates, in segments of today and in those that know of no dates."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from asteroid_cloud.indexer import IndexSpec, PartView
from asteroid_cloud.indexer.segment.paths import fields_path
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.query import parse_filter
from asteroid_cloud.query.filters.instants import instant
from asteroid_cloud.query.selection.column_filter import filter_by_columns
from asteroid_cloud.wal.lsn import Lsn
from tests.query.selection.test_field_agreement import FILES, IDENTITY, expected, ids_matching, view_of
from tests.support import oracle
from tests.support.old_columns import forget_dates

EDGES = ["0000-01-01", "0000-12-31T23:59:59.9", "0001-01-01", "0001-01-01T00:00:00+00:01", "9999-12-31"]
EDGES += ["9999-12-31T23:59:59.999999999", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59"]
ODD = [
    "",
    "2026",
    "2026-02-30",
    "2026-01-01 00:00:00",
    "2026-01-01T",
    "3",
    ":",
    "x",
    "2026-01-01Zulu",
    2026,
    None,
]


def random_time(random: Random) -> str:
    """A time of some days of 2026, in one of its ways of being written."""
    start = datetime(2026, 1, 1) + timedelta(hours=random.choice([0, 0, 12, 24, random.randrange(100)]))
    fraction = random.choice(["", "", ".0", ".5", ".500", f".{random.randrange(10**9):09d}"])
    zone = random.choice(["", "", "Z", "z", "+02:00", "-11:30"])
    if random.random() < 0.3:
        return start.date().isoformat()
    return start.isoformat(sep=random.choice("Tt")) + fraction + zone


def random_value(random: Random) -> Any:
    choice = random.random()
    if choice < 0.75:
        return random_time(random)
    return random.choice([*EDGES, *ODD, [random_time(random)]])


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    random = Random(7)
    return [
        {
            "few": random_value(random),
            "many": (datetime(2026, 1, 1) + timedelta(seconds=random.randrange(10**6))).isoformat(),
        }
        for _ in range(1_500)
    ]


@pytest.fixture(scope="module", params=["today", "without dates"])
def view(
    documents: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> PartView:
    folder = tmp_path_factory.mktemp("segment")
    view = view_of(folder, [json.dumps(each).encode() for each in documents])
    if request.param == "today":
        return view
    assert forget_dates(Path(fields_path(str(folder), 1))) == 2
    segment = Segment(FILES, str(folder), IDENTITY, 1, IndexSpec(2, "l2"), Lsn(1))
    return PartView(segment, segment.rows, segment.rows, None)


def test_filters_by_time_say_what_the_oracle_says(view: PartView, documents: list[dict[str, Any]]) -> None:
    random, some = Random(12), 0
    bounds = [each for each in EDGES if instant(each) is not None]
    for _ in range(1_000):
        bound = random.choice([random_time(random), random_time(random), *bounds])
        field, order = random.choice(["few", "many", "many"]), random.choice([*oracle.TIMES])
        filter: dict[str, Any] = {field: {order: bound}}
        if random.random() < 0.3:
            filter = {field: {"$not": {order: bound}, random.choice([*oracle.TIMES]): random_time(random)}}
        wanted = expected(documents, filter)
        some += 0 < len(wanted) < len(documents)
        assert ids_matching(view, filter) == wanted, filter
    assert some > 300


@pytest.mark.parametrize("order", [*oracle.TIMES])
def test_columns_decide_on_whole_seconds_without_payloads(
    order: str, documents: list[dict[str, Any]], tmp_path: Path
) -> None:
    days = [{"day": each["many"][:10]} for each in documents]
    view = view_of(tmp_path, [json.dumps(each).encode() for each in days])
    assert view.part.fields is not None
    verdict = filter_by_columns(
        parse_filter({"day": {order: "2026-01-05T02:00:00+02:00"}}).root, view.part.fields
    )
    assert (verdict.certain == verdict.possible).all()
    assert verdict.certain.any()


def test_old_columns_leave_open_no_more_than_what_may_be_a_date(
    view: PartView, documents: list[dict[str, Any]]
) -> None:
    fields = view.part.fields
    assert fields is not None
    verdict = filter_by_columns(parse_filter({"many": {"$after": "2027-01-01"}}).root, fields)
    assert verdict.possible.sum() <= 32, "two groups of sparse keys"
    verdict = filter_by_columns(parse_filter({"many": {"$before": "2026-01-02"}}).root, fields)
    assert verdict.possible.sum() < len(documents) / 4
