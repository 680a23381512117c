"""Who must go when there are too many connections."""

from __future__ import annotations

import pytest

from asteroid_cloud.api.http.connection.crowd import Crowd, connections_max
from asteroid_cloud.api.limits import CONNECTIONS_MAX
from asteroid_cloud.wal.errors import Overloaded


class Member:
    """A connection that notes that it must go."""

    is_gone = False

    def evict(self) -> None:
        self.is_gone = True


def welcome(crowd: Crowd) -> Member:
    """One that was let in, and has a request under way."""
    member = Member()
    crowd.enter(member)
    crowd.welcome(member)
    crowd.works(member)
    return member


def test_strangers_have_half_of_the_places_and_the_first_of_them_goes() -> None:
    crowd = Crowd(8)
    known = [welcome(crowd) for _ in range(4)]
    strangers = [Member() for _ in range(100)]
    for stranger in strangers:
        crowd.enter(stranger)
    assert [each.is_gone for each in strangers] == [True] * 96 + [False] * 4
    assert not any(each.is_gone for each in known)


def test_when_all_places_are_taken_the_one_that_rests_longest_goes() -> None:
    crowd = Crowd(4)
    one, two, three, four = (welcome(crowd) for _ in range(4))
    crowd.rests(two)
    crowd.rests(one)
    welcome(crowd)
    assert [each.is_gone for each in (one, two, three, four)] == [False, True, False, False]
    crowd.works(one)
    with pytest.raises(Overloaded):
        crowd.enter(Member())
    crowd.leave(three)
    crowd.enter(Member())
    assert not one.is_gone


def test_who_leaves_makes_room() -> None:
    crowd = Crowd(2)
    for _ in range(10):
        crowd.leave(welcome(crowd))
    first, second = welcome(crowd), welcome(crowd)
    with pytest.raises(Overloaded):
        welcome(crowd)
    crowd.leave(first)
    welcome(crowd)
    assert not second.is_gone


@pytest.mark.parametrize(
    ("files_max", "expected"), [(-1, CONNECTIONS_MAX), (1_024, 512), (10**6, CONNECTIONS_MAX)]
)
def test_half_of_the_open_files_are_the_stores(
    monkeypatch: pytest.MonkeyPatch, files_max: int, expected: int
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (files_max, files_max))
    assert connections_max() == expected
