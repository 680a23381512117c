"""Payloads of the tail: texts, or where in a segment's payload file they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.part import TakeBytes, unbounded
from asteroid_cloud.indexer.segment.payload_file import LARGE_BYTES, PayloadFile

PAYLOAD_REF_BYTES = 96
"""RAM of a ``PayloadRef`` in a list."""


class PayloadRef(NamedTuple):
    """A payload in a file that a newer row keeps: it is read from there and not copied into RAM."""

    file: PayloadFile
    ordinal: int


RowPayload = bytes | PayloadRef
"""What a row of the tail holds: the text of its payload, or where that is."""


def texts_of(payloads: Sequence[RowPayload], take: TakeBytes = unbounded) -> list[bytes]:
    """The text of each; those in files are read a file at a time."""
    take(sum(len(one) for one in payloads if not isinstance(one, PayloadRef)))
    return _resolved(payloads, lambda text: text, lambda file, ordinals: file.fetch(ordinals, take), b"")


def sizes_of(payloads: Sequence[RowPayload]) -> list[int]:
    """The bytes of each text."""
    return _resolved(payloads, len, lambda file, ordinals: file.sizes(ordinals).tolist(), 0)


def may_be_large(payload: RowPayload) -> bool:
    """Whether it may be a large payload; nothing is read for it."""
    if isinstance(payload, PayloadRef):
        return bool(payload.file.are_large(np.array([payload.ordinal], np.uint32))[0])
    return len(payload) > LARGE_BYTES


T = TypeVar("T")


def _resolved(
    payloads: Sequence[RowPayload],
    of_text: Callable[[bytes], T],
    of_file: Callable[[PayloadFile, NDArray[np.uint32]], Sequence[T]],
    nothing: T,
) -> list[T]:
    found = [nothing if isinstance(one, PayloadRef) else of_text(one) for one in payloads]
    places: dict[PayloadFile, list[int]] = {}
    for place, one in enumerate(payloads):
        if isinstance(one, PayloadRef):
            places.setdefault(one.file, []).append(place)
    for file, mine in places.items():
        ordinals = np.array([cast(PayloadRef, payloads[place]).ordinal for place in mine], np.uint32)
        for place, value in zip(mine, of_file(file, ordinals), strict=True):
            found[place] = value
    return found
