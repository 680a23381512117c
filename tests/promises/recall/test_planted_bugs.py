"""The check can fail: it sees each of the bugs that made answers wrong in version 0.1."""

from __future__ import annotations

import math

import pytest

from tests.promises.recall import planted
from tests.promises.recall.check import STATES, Violation, check


@pytest.mark.parametrize("title", ["gaussian 16 (l2)", "like word vectors (l2)"])
def test_walks_that_stop_at_the_bound_of_the_first_are_seen(title: str) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Violation, match="recall@1 "):  # noqa: PT012
        planted.stop_at_the_bound_of_the_first(patch)
        check(title, STATES["loading"])


@pytest.mark.parametrize("state", ["tail", "batch build", "loading"])
@pytest.mark.parametrize("title", ["places in a town (l2)", "positions in metres (l2)"])
def test_distances_that_cancel_are_seen(title: str, state: str) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Violation, match="recall@10 "):  # noqa: PT012
        planted.measure_by_norms(patch)
        check(title, STATES[state])


@pytest.mark.parametrize(
    ("title", "state"),
    [
        ("clusters of 30 (l2)", "batch build"),
        ("clusters of 30 (l2)", "join"),
        # A join hangs copies to each other anew, whatever the build has made of them.
        ("copies, 250 each (l2)", "batch build"),
    ],
)
def test_clusters_and_copies_that_nothing_connects_are_seen(title: str, state: str) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Violation, match="recall@10 "):  # noqa: PT012
        planted.link_to_the_nearest_only(patch)
        check(title, STATES[state])


def test_walks_that_stay_among_matches_are_seen() -> None:
    far_off = "a fifth far off: recall@1 "
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Violation, match=far_off):  # noqa: PT012
        planted.stay_among_matches(patch)
        check("clusters of 100 in turn (l2)", STATES["filters"])


def test_what_plants_the_bugs_does_nothing_else() -> None:
    with pytest.MonkeyPatch.context() as patch:
        planted.stop_at_the_bound_of_the_first(patch, is_bounded=False)
        check("gaussian 16 (l2)", STATES["loading"])
    with pytest.MonkeyPatch.context() as patch:
        planted.measure_by_norms(patch, measure=planted.by_differences)
        check("places in a town (l2)", STATES["loading"])
    with pytest.MonkeyPatch.context() as patch:
        planted.link_to_the_nearest_only(patch, times=math.inf)
        check("clusters of 30 (l2)", STATES["batch build"])
    with pytest.MonkeyPatch.context() as patch:
        planted.stay_among_matches(patch, stays=False)
        check("clusters of 100 in turn (l2)", STATES["filters"])
