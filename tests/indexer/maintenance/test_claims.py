"""A segment goes into one build at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from asteroid_cloud.indexer.maintenance.claims import Claims
from asteroid_cloud.indexer.segment.segment import Segment


@dataclass
class FakeSegment:
    """What a claim looks at."""

    number: int


SEGMENTS = cast("list[Segment]", [FakeSegment(number) for number in range(4)])


@pytest.mark.anyio
async def test_what_is_claimed_is_not_free_until_the_build_ends_however_it_ends() -> None:
    claims = Claims()
    released = claims.released

    def fail() -> None:
        with claims.hold(SEGMENTS[2:3]):
            assert claims.free(SEGMENTS) == [SEGMENTS[1], SEGMENTS[3]]
            assert not released.is_set()
            raise ZeroDivisionError

    with claims.hold(SEGMENTS[:1]), pytest.raises(ZeroDivisionError):
        fail()
    assert claims.free(SEGMENTS) == SEGMENTS
    assert released.is_set()
    assert not claims.released.is_set()


@pytest.mark.anyio
async def test_a_segment_that_is_claimed_twice_is_a_bug() -> None:
    claims = Claims()
    with claims.hold(SEGMENTS[:2]):
        with pytest.raises(AssertionError, match=r"segments \[1\]"), claims.hold(SEGMENTS[1:]):
            raise AssertionError("let in")
        assert claims.free(SEGMENTS) == SEGMENTS[2:]
