"""A search by examples: what is sought is like some stored vectors, and unlike others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Id, Ids, IndexSpec, Snapshot
from asteroid_cloud.query.limits import RECOMMEND_IDS_MAX
from asteroid_cloud.query.records.records import fetch
from asteroid_cloud.query.work import UNBOUNDED, Work
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, NotFound

CODE = "bad_recommend"


class Recommend:
    """The ids of the examples; one that is named twice counts twice."""

    def __init__(self, positive: Ids, negative: Ids) -> None:
        self.positive = positive
        self.negative = negative
        self.examples: Ids = np.unique(np.concatenate((positive, negative)))
        """All of them, ascending, each once: they are left out of the answer."""

    def check(self, spec: IndexSpec) -> None:
        """Raises InvalidRequest ``bad_recommend`` or ``bad_id``."""
        if len(self.positive) == 0:
            raise InvalidRequest("recommend needs one positive id at least", code=CODE)
        if len(self.positive) + len(self.negative) > RECOMMEND_IDS_MAX:
            reason = f"recommend takes at most {RECOMMEND_IDS_MAX} ids"
            raise InvalidRequest(reason, code=CODE, limit=RECOMMEND_IDS_MAX)
        if not (spec.ids.holds(self.positive) and spec.ids.holds(self.negative)):
            kind = "strings" if spec.has_string_ids else "integers"
            raise InvalidRequest(f"the ids of this index are {kind}", code="bad_id")


def vector_of(snapshot: Snapshot, id: Id, work: Work = UNBOUNDED) -> NDArray[np.float32]:
    """The stored vector of an id; raises NotFound, and Conflict ``no_vector`` where it has none."""
    vector: NDArray[np.float32] = _stored(snapshot, snapshot.spec.ids.one(id), work)[0]
    return vector


def vector_like(snapshot: Snapshot, examples: Recommend, work: Work = UNBOUNDED) -> NDArray[np.float32]:
    """mean(positive) + (mean(positive) - mean(negative)), of unit vectors under cosine.

    Without negative ones it is the mean of the positive ones. Raises NotFound and Conflict ``no_vector``,
    both with ``id``; InvalidRequest ``bad_recommend`` where the result is too large for float32.
    """
    liked = _mean(snapshot, examples.positive, work)
    if len(examples.negative):
        liked = liked + (liked - _mean(snapshot, examples.negative, work))
    with np.errstate(over="ignore"):
        vector = liked.astype(np.float32)
    if not np.isfinite(vector).all():
        raise InvalidRequest("the examples lie too far apart for float32", code=CODE)
    return vector


def _mean(snapshot: Snapshot, ids: Ids, work: Work) -> NDArray[np.float64]:
    vectors = _stored(snapshot, ids, work).astype(np.float64)
    if snapshot.spec.metric == "cosine":
        lengths = np.sqrt(np.square(vectors).sum(axis=1, keepdims=True))
        vectors /= np.where(lengths > 0, lengths, 1)
    mean: NDArray[np.float64] = vectors.mean(axis=0)
    return mean


def _stored(snapshot: Snapshot, ids: Ids, work: Work) -> NDArray[np.float32]:
    vectors = []
    shown = snapshot.spec.ids.shown
    records = fetch(snapshot, ids, vector=True, work=work)
    for id, record in zip(ids.tolist(), records, strict=True):
        if record is None:
            raise NotFound(f"there is no vector with id {shown(id)}", id=id)
        if record.vector is None:
            raise Conflict(f"{shown(id)} has no vector to search with", code="no_vector", id=id)
        vectors.append(record.vector)
    return np.stack(vectors)
