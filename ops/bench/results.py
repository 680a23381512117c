"""The results of the phases: plain structs, sent between processes as JSON."""

from __future__ import annotations

import msgspec

from ops.bench.memory import Memory
from ops.bench.timing import Timing


class Loaded(msgspec.Struct, frozen=True):
    """One writer that inserts all rows in batches of 1,000."""

    rows: int
    acknowledged_s: float
    """Until the last batch was acknowledged and therefore durable."""
    indexed_s: float
    """Until no record was left that is not in a segment file."""
    settled_s: float
    """Until merging had ended too."""
    segments: int
    memory: Memory
    """Memory of the process that has the store, at the end; the peak covers the whole load."""
    log_bytes: int
    segment_bytes: int
    disk_bytes: int


class Restarted(msgspec.Struct, frozen=True):
    """A server started again on a loaded store."""

    ready_s: float
    """From the start of the process to the first 200 of /ready."""
    opened_s: float
    """The engine alone: from open to ready, in a process that has imported everything."""
    imports: Memory
    """A process that has only imported what the server imports."""
    idle: Memory
    """The server when it was ready."""
    searched: Memory
    """The server after the searches."""
    searches: int


class Point(msgspec.Struct, frozen=True):
    """Searches of one breadth, and of one filter if there is one."""

    ef: int
    recall: float
    timing: Timing
    below: int | None = None
    """The filter {"r": {"$lt": below}}."""
    matches: int = 0
    cold_ms: float = 0.0
    """The first search with this filter."""


class Searched(msgspec.Struct, frozen=True):
    """All searches by one way of calling."""

    curve: list[Point]
    filtered: list[Point]
    imports: Memory | None = None
    memory: Memory | None = None
    """Memory of the process that searched, when only the queries were loaded."""


class Pressed(msgspec.Struct, frozen=True):
    """A server with many writers, and searches at the same time."""

    writers: int
    seconds: float
    rows_per_s: float
    search: Timing
    lag_source: str
    """Where the lag was read from."""
    lag_p99_ms: float
    lag_longest_ms: float
    """Both are upper bounds when they come from a histogram, and infinite beyond its last bucket."""
    lag_samples: int
    memory: Memory


class Results(msgspec.Struct, frozen=True):
    """All results of one run."""

    dataset: str
    rows: int
    queries: int
    dim: int
    metric: str
    queries_origin: str
    machine: str
    load: str
    date: str
    command: str
    embedded: Loaded
    http: Loaded
    restarted: Restarted
    searched: dict[str, Searched]
    """By way of calling: native (the query layer called on a snapshot), embedded, HTTP."""
    pressed: Pressed
