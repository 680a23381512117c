"""Payloads decoded as far as a question needs: the fields it looks at, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypedDict, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import PartView
from asteroid_cloud.wal.errors import CorruptionError

ROWS_A_READ = 1_024
"""Payloads read at once: at the largest payload this is 64 MiB, at a usual one 1 MiB."""
NO_FIELDS: dict[str, Any] = {}


def decoded(
    view: PartView, ordinals: NDArray[np.uint32], roots: frozenset[str]
) -> Iterator[list[dict[str, Any]]]:
    """The payloads of some rows, with the top-level fields in ``roots`` at least; not to be changed.

    Raises CorruptionError for what is not a JSON object.
    """
    decode = _decoder(roots).decode
    for first in range(0, len(ordinals), ROWS_A_READ):
        some = ordinals[first : first + ROWS_A_READ]
        try:
            yield [decode(text) if text else NO_FIELDS for text in view.payloads(some)]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            at = int(some[0])
            raise CorruptionError(f"payloads of {view.key}", at, f"not a JSON object: {error}") from error


@lru_cache(maxsize=256)
def _decoder(roots: frozenset[str]) -> msgspec.json.Decoder[dict[str, Any]]:
    """Decodes only the fields in question; the others are skipped, not built.

    Unless a name is not ASCII: msgspec 0.22 then misses fields of a TypedDict that are there.
    """
    if not all(map(str.isascii, roots)):
        return msgspec.json.Decoder(dict[str, Any])
    shape = TypedDict("Document", dict.fromkeys(roots, Any), total=False)  # type: ignore[misc]
    return cast("msgspec.json.Decoder[dict[str, Any]]", msgspec.json.Decoder(shape))
