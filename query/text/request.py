"""What a search by words asks, and how it is put together with one by nearness; bounds are checked here."""

from __future__ import annotations

import math

import msgspec

from asteroid_cloud.query.limits import FUSION_K_MAX, FUSION_WEIGHT_MAX, TEXT_QUERY_BYTES_MAX
from asteroid_cloud.wal.errors import InvalidRequest

FieldPaths = tuple[tuple[str, ...], ...]


class TextQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Words to look for."""

    query: str
    fields: FieldPaths | None = None
    """The fields to look in; None for all that are indexed."""
    needs_all: bool = False
    """Each word has to be in some field; else one of them is enough."""
    is_phrase: bool = False
    """The words have to stand one after the other in one field."""


class Fusion(msgspec.Struct, frozen=True, kw_only=True):
    """Reciprocal rank fusion: the sum of weight / (k + rank) over both lists."""

    k: float = 60.0
    weights: tuple[float, float] = (1.0, 1.0)
    """Of the vector's list and of the text's."""


def check_text(text: TextQuery) -> None:
    """Raises InvalidRequest ``bad_text`` unless the query is in bounds."""
    size = len(text.query.encode())
    if size > TEXT_QUERY_BYTES_MAX:
        raise InvalidRequest(
            f"text.query has {size} bytes, more than {TEXT_QUERY_BYTES_MAX}", code="bad_text"
        )
    if text.fields is not None and not text.fields:
        raise InvalidRequest("text.fields must name a field, or be left out", code="bad_text")


def check_fusion(fusion: Fusion) -> None:
    """Raises InvalidRequest ``bad_fusion`` unless it is in bounds."""
    if not (math.isfinite(fusion.k) and 0 < fusion.k <= FUSION_K_MAX):
        raise InvalidRequest(f"fusion.k must be above 0 and at most {FUSION_K_MAX}", code="bad_fusion")
    if not all(0 <= weight <= FUSION_WEIGHT_MAX for weight in fusion.weights) or not any(fusion.weights):
        reason = f"fusion.weights must be two numbers from 0 to {FUSION_WEIGHT_MAX}, not both 0"
        raise InvalidRequest(reason, code="bad_fusion")
