"""``docs/limits.md``: every hard limit, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator

from asteroid_cloud.api.reference import LimitInfo, list_limits
from ops.docs.tables import page, table

TITLES = {
    "api": "Requests, connections and change feeds",
    "query": "Searches, filters and fields",
    "indexer": "Batches, tags and waiting",
    "wal": "Vectors, ids, payloads and the log",
}
INTRO = """
A limit keeps memory, disk or time finite. It is part of the program and cannot be set; what can be set
is in [configuration.md](configuration.md). What is over a limit is refused with a typed error
([errors.md](errors.md)) and never cut to fit.
"""
SIZES = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def limits_page() -> str:
    """The whole page."""
    return page("Limits", INTRO, *_by_layer())


def _by_layer() -> Iterator[str]:
    limits = list_limits()
    for layer, title in TITLES.items():
        yield f"## {title}"
        rows = [(f"`{each.name}`", _value(each), each.meaning) for each in limits if each.layer == layer]
        yield table(("Limit", "Value", "Meaning"), rows)


def _value(limit: LimitInfo) -> str:
    if limit.value == 2**64 - 1:
        return "2^64 − 1"
    if limit.unit.startswith("bytes"):
        return f"{_size(int(limit.value))}{limit.unit.removeprefix('bytes')}"
    return f"{limit.value:,g} s" if limit.unit == "seconds" else f"{limit.value:,}"


def _size(size: int) -> str:
    for unit, one in SIZES:
        if size >= one and size % one == 0:
            return f"{size // one:,} {unit}"
    return f"{size:,} bytes"
