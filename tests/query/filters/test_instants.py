"""Texts that name a moment, and their order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.query.filters.instants import instant
from tests.support import oracle

SAME = [
    ["2026-01-01T00:00:00Z", "2026-01-01t00:00:00z", "2026-01-01T00:00:00.000-00:00"],
    ["2026-01-01T00:00:00Z", "2026-01-01T05:30:00+05:30", "2025-12-31T16:00:00-08:00"],
    ["2024-02-29T23:59:59.5Z", "2024-03-01T00:29:59.500+00:30"],
    ["0000-12-31T23:00:00Z", "0001-01-01T00:00:00+01:00"],
    ["2016-12-31T23:59:60Z", "2017-01-01T01:59:60.0+02:00", "2016-12-31T23:59:60"],
    ["2026-01-01", "2026-01-01T00:00:00", "2026-01-01t00:00:00.00", "2026-01-01T00:00:00Z"],
    ["0001-01-01", "0001-01-01T00:00:00"],
    ["9999-12-31", "9999-12-31T00:00:00Z"],
    ["0000-02-29", "0000-02-29T00:00:00"],
]
ASCENDING = [
    "0000-01-01T00:00:00+23:59",
    "0000-02-29T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999Z",
    "1970-01-01T00:00:00Z",
    "2016-12-31T23:59:59.99999999999999999999Z",
    "2016-12-31T23:59:60Z",
    "2016-12-31T23:59:60.5Z",
    "2017-01-01T00:00:00Z",
    "2017-01-01T00:00:00.045Z",
    "2017-01-01T00:00:00.45Z",
    "2017-01-01T00:00:00.5Z",
    "9999-12-31T23:59:59-23:59",
]
NONE = [
    *(
        "",
        "2026",
        "2026-01",
        "2026-01-01T",
        "2026-01-01Z",
        "2026-01-01+01:00",
        "2026-01-01T00",
        "2026-01-01T00:00",
    ),
    *("2026-01-01 00:00:00", "2026-01-01T00:00:00.", "2026-01-01\n", "2026-01-01T00:00:00\0", " 2026-01-01"),
    *("2026-02-29", "2026-13-01", "0000-00-01", "1-1-1", "10000-01-01", "2016-12-31T12:00:60", "2026-001"),
    *("2026-01-01 00:00:00Z", "2026-01-01T00:00Z"),
    *("2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z"),
    *("2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z"),
    *("2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+00:60", "2026-01-01T00:00:00+0000"),
    *("2016-12-31T12:00:60Z", "2016-12-31T23:59:60+01:00", "٢٠٢٦-01-01T00:00:00Z", "2026-01-01T00:00:00Z\n"),
    *(" 2026-01-01T00:00:00Z", "20260101T000000Z", "-2026-01-01T00:00:00Z", "2026-01-01T00:00:00,5Z"),
]


@pytest.mark.parametrize("texts", SAME, ids=str)
def test_one_moment_has_many_texts(texts: list[str]) -> None:
    assert len({instant(text) for text in texts}) == 1
    assert None not in map(instant, texts)


def test_moments_are_ordered() -> None:
    found = [each for text in ASCENDING if (each := instant(text)) is not None]
    assert len(set(found)) == len(ASCENDING)
    assert found == sorted(found)


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_moment_is_none(text: str) -> None:
    assert instant(text) is None


ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1000, 1, 1), datetime(9000, 1, 1), timezones=ZONES)


@given(TIMES, TIMES)
def test_the_order_is_that_of_pythons_datetimes(one: datetime, other: datetime) -> None:
    first, second = instant(one.isoformat()), instant(other.isoformat())
    assert first is not None
    assert second is not None
    assert (first < second, first == second) == (one < other, one == other)
    assert first == instant(one.astimezone(UTC).isoformat())


LOCAL = st.datetimes(datetime(1, 1, 1)).map(datetime.isoformat)


@given(
    st.text(alphabet="0123456789-+:.TZtz ", max_size=30)
    | TIMES.map(datetime.isoformat)
    | LOCAL
    | st.dates().map(date.isoformat)
    | st.builds("".join, st.tuples(LOCAL, st.text(alphabet="0123456789-+:.Zz ", max_size=3)))
)
def test_any_text_is_read_as_the_oracle_reads_it(text: str) -> None:
    assert (instant(text) is None) == (oracle.moment(text) is None)
