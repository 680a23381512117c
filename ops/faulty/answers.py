"""Whether the answer to a read is what the model holds; and what an answer leaves unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from asteroid_cloud.client import AsteroidError, ConnectionFailed, InternalError, Overloaded, UnexpectedAnswer
from ops.faulty.model import Call, Model

CLOSE = 0.2
"""Values lie in -9 … 9, and are kept in 16 bits."""


def leaves_unknown(error: AsteroidError) -> bool:
    """Whether it says that something went wrong on the way, and not what the store has decided."""
    return isinstance(error, ConnectionFailed | UnexpectedAnswer | InternalError | Overloaded)


def is_right(model: Model, call: Call, answer: Any) -> bool:
    """Whether a read answers what the model holds."""
    check: Callable[..., bool] | None = CHECKS.get(call.name)
    return check is None or check(model, answer, *call.args, **call.options)


def _get(model: Model, answer: Any, id: int) -> bool:
    if answer.id != id or id not in model.rows:
        return False
    return bool(np.allclose(np.array(answer.vector), model.rows[id][0], atol=CLOSE))


def _get_payload(model: Model, answer: Any, id: int) -> bool:
    return id in model.rows and bool(answer == model.rows[id][1])


def _fetch(model: Model, answer: Any, ids: list[int], include: list[str]) -> bool:
    wanted = [(id_, model.rows[id_][1]) for id_ in ids if id_ in model.rows]
    return [(row.id, row.payload) for row in answer] == wanted


def _count(model: Model, answer: Any, filter: Any = None) -> bool:
    return bool(answer == len(model.matching(filter or {})))


def _scroll(model: Model, answer: Any, page_size: int) -> bool:
    return [row.id for row in answer] == sorted(model.rows)


def _search(model: Model, answer: Any, vector: Any, k: int, exact: bool) -> bool:
    distances = sorted(float(np.linalg.norm(np.subtract(row, vector))) for row, _ in model.rows.values())[:k]
    found = [hit.distance for hit in answer]
    return len(found) == len(distances) and np.allclose(found, distances, atol=CLOSE)


def _search_batch(model: Model, answer: Any, vectors: Any, k: int) -> bool:
    return [len(hits) for hits in answer] == [min(k, len(model.rows))] * len(vectors)


def _facets(model: Model, answer: Any, field: str) -> bool:
    groups = Counter(payload[field] for _, payload in model.rows.values() if field in payload)
    return {each.value: each.count for each in answer.values} == groups


CHECKS: dict[str, Callable[..., bool]] = {
    "get": _get,
    "get_payload": _get_payload,
    "fetch": _fetch,
    "count": _count,
    "scroll": _scroll,
    "search": _search,
    "search_batch": _search_batch,
    "facets": _facets,
    "stats": lambda model, answer: answer.vectors == len(model.rows),
    "get_index": lambda model, answer: answer.initialized is model.exists,
    "tags": lambda model, answer: {tag.name for tag in answer} == model.tags,
    "changes": lambda model, answer, since, follow: answer == [],
    "wait_for": lambda model, answer, lsn: answer >= lsn,
}
