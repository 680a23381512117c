"""The commands to a system's process, and its answers: one line of JSON each."""

from __future__ import annotations

import msgspec

from ops.bench.memory import Memory


class Insert(msgspec.Struct, frozen=True, tag=True):
    """Build by inserting batches, one writer; then close."""


class Build(msgspec.Struct, frozen=True, tag=True):
    """Build in one call; then close."""

    threads: int


class Open(msgspec.Struct, frozen=True, tag=True):
    """Open what was built, and search a little."""


class Answer(msgspec.Struct, frozen=True, tag=True):
    """Answer each query once, at one breadth."""

    breadth: int


class Pace(msgspec.Struct, frozen=True, tag=True):
    """Answer queries for a while, in one thread or more."""

    breadth: int
    seconds: float
    threads: int = 1


Command = Insert | Build | Open | Answer | Pace


class Inserted(msgspec.Struct, frozen=True):
    """Times since the first batch, and the process's memory at the end."""

    acknowledged_s: float
    indexed_s: float
    settled_s: float
    memory: Memory


class Built(msgspec.Struct, frozen=True):
    """The time from nothing to saved; the memory includes the vectors that were passed in."""

    seconds: float
    memory: Memory


class Opened(msgspec.Struct, frozen=True):
    """Memory before anything was opened, and after the first searches."""

    seconds: float
    imports: Memory
    memory: Memory


class Answers(msgspec.Struct, frozen=True):
    """The ids found for each query."""

    ids: list[list[int]]


class Paced(msgspec.Struct, frozen=True):
    """Searches a second, all threads together."""

    per_s: float
