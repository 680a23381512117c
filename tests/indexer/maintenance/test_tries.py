"""Whoever waits is told of failures that began after the wait did, and of no others."""

from __future__ import annotations

import pytest

from asteroid_cloud.indexer.maintenance.tries import Tries
from asteroid_cloud.wal.errors import NoSpace


def test_a_try_under_way_is_not_one_that_was_waited_for() -> None:
    tries = Tries()
    tries.begin()
    first = tries.next
    tries.fail(NoSpace("no room"))
    assert tries.no_space is not None
    tries.check(first)
    tries.begin()
    tries.fail(NoSpace("still none"))
    with pytest.raises(NoSpace, match="still none"):
        tries.check(first)
    tries.check(tries.next)


def test_a_success_ends_what_failures_have_told() -> None:
    tries = Tries()
    first = tries.next
    tries.begin()
    tries.fail(NoSpace("no room"))
    tries.begin()
    tries.succeed()
    assert tries.no_space is None
    tries.check(first)
