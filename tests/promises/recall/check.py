"""Whether a store of a few thousand rows finds what is near: the floors, and how it is held against them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import anyio
import pytest

from asteroid_cloud.query.knn import planner
from ops.bench.shapes.data import SHAPES
from ops.bench.shapes.laboratory import in_state
from ops.bench.shapes.measuring import Asked, Case, Figure, Subject
from ops.bench.shapes.states import (
    BATCH,
    FOUR,
    INSERTION,
    JOIN,
    LOADING,
    MERGES,
    TAIL,
    State,
)

KS = (1, 10)
ENOUGH = 0.98
MARGIN = 0.01
STATES = {
    state.name: state
    for state in (
        replace(TAIL, rows=1_000),
        replace(BATCH, rows=6_600, is_filtered=False),
        replace(INSERTION, rows=3_500),
        replace(JOIN, rows=6_600),
        replace(MERGES, rows=6_600),
        replace(LOADING, rows=4_000),
        replace(BATCH, rows=6_600, name="filters"),
        replace(FOUR, rows=6_600, name="filters, 4 segments"),
    )
}
"""One segment of so many rows is walked; where fewer match in each, that is seen to below."""


class Violation(AssertionError):
    """Answers are not as good as is promised."""


@cache
def subject(title: str, rows: int) -> Subject:
    """The rows and queries of a shape, with what is right."""
    return Subject(next(shape for shape in SHAPES if shape.title == title), rows)


def check(title: str, state: State, *, enough: float = ENOUGH, ks: Sequence[int] = KS) -> list[Case]:
    """Raises Violation unless all is well in this state, with deletes and without."""
    cases = measured(title, state, ks)
    wrong = [fault for case in cases for fault in faults(case, enough)]
    if wrong:
        raise Violation("; ".join(wrong))
    return cases


def measured(title: str, state: State, ks: Sequence[int] = KS) -> list[Case]:
    """What is found in this state."""
    asked = Asked(ks, state.ef)
    with pytest.MonkeyPatch.context() as patch:
        if state.is_filtered or (state.segments > 1 and not state.is_merged):
            patch.setattr(planner, "scan_limit", lambda rows, ef: 0)  # few matches are walked for, too
        return anyio.run(in_state, state, subject(title, state.rows), asked)


def faults(case: Case, enough: float = ENOUGH) -> Iterator[str]:
    """What is wrong with the answers of a case."""
    name = f"{case.shape}, {case.state}{', deletes' if case.is_thinned else ''}, {case.filter}"
    for figure in case.figures:
        if figure.recall < floor(figure, enough):
            yield f"{name}: recall@{figure.k} {figure.recall:.3f} < {floor(figure, enough):.3f}"
        if figure.excess > 1:
            yield f"{name}: exact answers at k {figure.k} are off by {figure.excess:.3g} roundings"
        if not case.walked and figure.differing:
            yield f"{name}: {figure.differing} scans at k {figure.k} differ from exact"


def floor(figure: Figure, enough: float = ENOUGH) -> float:
    """The least recall that is good enough."""
    return min(enough, figure.exact - MARGIN)
