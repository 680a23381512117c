"""One shape through all states: made, measured, thinned out and measured again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import anyio
import msgspec
import numpy as np

from asteroid_cloud.wal.errors import AsteroidError
from ops.bench.shapes.data import SHAPES, Shape
from ops.bench.shapes.filters import EVERYTHING, FILTERS
from ops.bench.shapes.measuring import Asked, Case, Refused, Subject, measure
from ops.bench.shapes.states import STATES, State, deleted_among, store_in

NUMBERS_MAX = 26_000_000
"""Of a shape with many dimensions so many numbers are made, and fewer rows for it,"""
ROWS_MIN = 8_000
"""but not fewer than these."""


class Job(msgspec.Struct, frozen=True):
    """What is to be measured of one shape."""

    shape: str
    """Its title."""
    states: list[str]
    ks: list[int]
    with_peer: bool
    rows: int | None = None
    """Instead of those that a state has by itself."""
    ef: int | None = None
    """The same."""


def chosen_shapes(words: Sequence[str]) -> list[Shape]:
    """Shapes whose title contains one of the words; all when there are none. Raises ValueError."""
    shapes = [shape for shape in SHAPES if not words or any(word in shape.title for word in words)]
    if not shapes:
        raise ValueError(f"no shape is called like {' or '.join(words)!r}")
    return shapes


def chosen_states(shape: Shape, names: Sequence[str]) -> list[State]:
    """The states of these names; without any all, but those that take long for a few shapes only.

    Raises ValueError for an unknown name.
    """
    known = {state.name: state for state in STATES}
    if foreign := set(names) - set(known):
        raise ValueError(f"there is no state {sorted(foreign)[0]!r}; there are: {', '.join(known)}")
    if names:
        return [known[name] for name in names]
    return [state for state in STATES if shape.stands_for_many or not state.is_long]


def run(job: Job) -> list[Case | Refused]:
    """Measures one shape; to be called in a process of its own."""
    return anyio.run(_run, job)


async def _run(job: Job) -> list[Case | Refused]:
    shape = next(each for each in SHAPES if each.title == job.shape)
    subjects: dict[int, Subject] = {}
    found: list[Case | Refused] = []
    for state in chosen_states(shape, job.states):
        rows = job.rows or min(state.rows, max(ROWS_MIN, NUMBERS_MAX // shape.dim))
        if rows not in subjects:
            subjects.clear()  # states of one size follow each other
            subjects[rows] = Subject(shape, rows)
        ways = Asked(job.ks, job.ef or state.ef, job.with_peer)
        try:
            found += await in_state(state, subjects[rows], ways)
        except AsteroidError as error:
            found.append(Refused(shape.title, state.name, error.code))
    return found


async def in_state(state: State, subject: Subject, asked: Asked) -> list[Case]:
    """Puts the rows into a store, and asks it without deletes and with them."""
    dead = deleted_among(len(subject.base))
    filters = FILTERS if state.is_filtered else (EVERYTHING,)
    with tempfile.TemporaryDirectory(prefix="asteroid-shapes-") as folder:
        async with store_in(
            state, subject.base, subject.shape.metric, subject.fields, Path(folder, "store")
        ) as engine:
            whole = engine.snapshot()
            cases = [measure(whole, subject, np.ones_like(dead), each, state.name, asked) for each in filters]
            await engine.delete(np.flatnonzero(dead).astype(np.uint64))
            thinned = engine.snapshot()
            return cases + [measure(thinned, subject, ~dead, each, state.name, asked) for each in filters]


def jobs_for(
    shapes: Sequence[Shape],
    states: Sequence[str],
    ks: Sequence[int],
    *,
    with_peer: bool,
    rows: int | None = None,
    ef: int | None = None,
) -> Iterator[Job]:
    """A job for each shape, those that take longest first. Raises ValueError as ``chosen_states`` does."""
    for shape in sorted(shapes, key=lambda shape: (not shape.stands_for_many, -shape.dim)):
        chosen_states(shape, states)
        yield Job(shape.title, list(states), list(ks), with_peer, rows, ef)
