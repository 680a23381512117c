"""Payloads decoded as far as a question needs: the fields it looks at, some rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypedDict, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import PartView, unbounded
from asteroid_cloud.query.costs import PAYLOAD_BYTE, RECORD
from asteroid_cloud.query.filters.payload_matcher import MISSING
from asteroid_cloud.query.work import Work
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.limits import KIB

ROWS_A_READ = 1_024
"""Payloads read at once, at most."""
FIRST_ROWS = 16
"""Payloads read at first, while nobody knows how large they are."""
BYTES_A_READ = 64 * KIB
"""About as many bytes of them are read and decoded between two looks at whether to go on."""
LARGE_A_READ = 1
"""Large payloads among them, at most."""
NO_FIELDS: dict[str, Any] = {}


Cost = Callable[[int, int], float]
"""What it costs to look at so many payloads of so many bytes together."""


def cost_of_decoding(payloads: int, size: int) -> float:
    """What it costs to read and decode payloads."""
    return payloads * RECORD + size * PAYLOAD_BYTE


def decoded(
    view: PartView,
    ordinals: NDArray[np.uint32],
    roots: frozenset[str] | None,
    work: Work,
    cost: Cost = cost_of_decoding,
) -> Iterator[list[dict[str, Any]]]:
    """The payloads of some rows, with the top-level fields in ``roots`` at least, or all; not to be changed.

    ``work`` hears of each slice what it costs, before it is decoded. Raises CorruptionError for what is not a
    JSON object.
    """
    decode = _decoder(roots).decode
    first, rows, take = 0, FIRST_ROWS, work.counting(unbounded)
    while first < len(ordinals):
        rows = _rows_at_once(view, ordinals[first:], rows)
        some = ordinals[first : first + rows]
        texts = view.payloads(some, take)
        size = sum(map(len, texts))
        work.spend(cost(len(texts), size))
        try:
            yield [decode(text) if text else NO_FIELDS for text in texts]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            at = int(some[0])
            raise CorruptionError(f"payloads of {view.key}", at, f"not a JSON object: {error}") from error
        first += rows
        rows = min(max(1, BYTES_A_READ * len(texts) // max(size, 1)), ROWS_A_READ, 4 * rows)


def _rows_at_once(view: PartView, ordinals: NDArray[np.uint32], rows: int) -> int:
    """How many of the first ``rows`` of these have at most ``LARGE_A_READ`` large payloads; one at least.

    A large one takes as much as thousands of others.
    """
    if not view.part.has_large_payloads:
        return rows
    large = np.flatnonzero(view.part.large_payloads(ordinals[:rows]))
    return rows if len(large) <= LARGE_A_READ else max(1, int(large[LARGE_A_READ]))


def value_at(document: Any, path: tuple[str, ...]) -> Any:
    """The value at a path through objects, or MISSING."""
    for step in path:
        if type(document) is not dict:
            return MISSING
        document = document.get(step, MISSING)
    return document


@lru_cache(maxsize=256)
def _decoder(roots: frozenset[str] | None) -> msgspec.json.Decoder[dict[str, Any]]:
    """Decodes only the fields in question; the others are skipped, not built.

    Unless a name is not ASCII: msgspec 0.22 then misses fields of a TypedDict that are there.
    """
    if roots is None or not all(map(str.isascii, roots)):
        return msgspec.json.Decoder(dict[str, Any])
    shape = TypedDict("Document", dict.fromkeys(roots, Any), total=False)  # type: ignore[misc]
    return cast("msgspec.json.Decoder[dict[str, Any]]", msgspec.json.Decoder(shape))
