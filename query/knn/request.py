"""What a search asks and what it answers; the bounds of each field are checked here."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Id, Ids, IndexSpec, check_name
from asteroid_cloud.indexer.native import core
from asteroid_cloud.query.filters.filter import MATCH_ALL, Filter
from asteroid_cloud.query.knn.diversity import Diversity
from asteroid_cloud.query.knn.examples import Recommend
from asteroid_cloud.query.knn.explain import Explain
from asteroid_cloud.query.knn.group_by import Group, GroupBy
from asteroid_cloud.query.knn.scores import Scores
from asteroid_cloud.query.limits import EF_SEARCH_DEFAULT, EF_SEARCH_MAX, K_MAX, OFFSET_MAX
from asteroid_cloud.query.records.projection import Projection
from asteroid_cloud.query.selection.allow_list import AllowList
from asteroid_cloud.query.text.request import Fusion, TextQuery, check_fusion, check_text
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import ID_MAX


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """One search: by ``vector``, by the stored vector of ``id``, or by the examples of ``recommend``.

    The id, or the examples, are then left out of the answer.
    """

    vector: NDArray[np.float32] | None = None
    id: Id | None = None
    recommend: Recommend | None = None
    k: int = 10
    ef_search: int | None = None
    """Candidates that a graph walk keeps, ``ef_default`` for None; at least ``offset + k`` is used."""
    ef_default: int = EF_SEARCH_DEFAULT
    """For a search that names no ``ef_search``; a store that finds its recall too low raises it."""
    filter: Filter = MATCH_ALL
    ids: AllowList | None = None
    """Those that may be answered; None for all that match."""
    offset: int = 0
    """Nearest matches, or groups, to skip; ``k`` are answered after them."""
    max_distance: float | None = None
    """Hits farther than this are left out."""
    min_score: float | None = None
    """Hits with a lower score are left out; see ``scores_of``."""
    group_by: GroupBy | None = None
    """Answer ``k`` groups instead of ``k`` hits."""
    diversity: Diversity | None = None
    """Choose the hits among more candidates, so that they differ."""
    exact: bool = False
    """Measure every match instead of walking graphs."""
    text: TextQuery | None = None
    """Words to look for, alone or beside the vector."""
    fusion: Fusion | None = None
    """How the two orders become one; None for the default."""
    include_payload: bool = False
    fields: Projection | None = None
    """Those of the payload that are wanted; None for all of it."""
    include_vector: bool = False
    include_score: bool = False
    explain: bool = False

    @property
    def answerable(self) -> Filter:
        """What a row has to match: the filter, and that it is in a group where there are groups."""
        return self.filter if self.group_by is None else self.group_by.having_value(self.filter)

    @property
    def most_hits(self) -> int:
        """How many hits there can be, those that are skipped counted too."""
        return self.offset + self.k if self.group_by is None else self.offset + self.k * self.group_by.size

    @property
    def candidates(self) -> int:
        """Nearest matches that count, those that are skipped included."""
        if self.group_by is not None:
            return self.group_by.first_depth(self.offset, self.k)
        if self.diversity is not None and self.diversity.weight < 1:
            return self.diversity.among(self.k)
        return self.offset + self.k

    @property
    def left_out(self) -> int:
        """How many ids are not to be answered."""
        return (self.id is not None) + (0 if self.recommend is None else len(self.recommend.examples))

    @property
    def depth(self) -> int:
        """Nearest matches to be found so that the candidates remain without the ids that are left out."""
        return self.candidates + self.left_out

    @property
    def is_plain(self) -> bool:
        """Whether the answer is the nearest matches, in their order."""
        return self.group_by is None and self.diversity is None and self.text is None

    @property
    def has_vector(self) -> bool:
        """Whether there is something to measure distances from."""
        return not (self.vector is None and self.id is None and self.recommend is None)

    @property
    def ef(self) -> int:
        """The ``ef`` that a walk has: enough for the depth."""
        return max(self.ef_default if self.ef_search is None else self.ef_search, self.depth)


class Hit(msgspec.Struct, frozen=True):
    """One result."""

    id: Id
    distance: float | None
    """None in a search by words alone, and where only these found it."""
    payload: bytes | None = None
    """JSON text, ``{}`` when the record has none; None when it was not asked for."""
    vector: NDArray[np.float32] | None = None
    score: float | None = None
    text_score: float | None = None
    """Of its words, in a search by these and a vector; None where only the vector found it."""


class SearchResult(msgspec.Struct, frozen=True, eq=False):
    """The answer in columns: ascending by (distance, id), in the order of groups or of choice; with words
    by score, descending, then id.
    """

    lsn: Lsn
    ids: Ids
    distances: NDArray[np.float64]
    """NaN for hits that only words have found."""
    payloads: list[bytes] | None = None
    vectors: NDArray[np.float32] | list[NDArray[np.float32] | None] | None = None
    """Of hits that only words have found some may have none."""
    explain: Explain | None = None
    scores: Scores | None = None
    groups: list[Group] | None = None
    """Which of the rows are of which group, where groups were asked for."""
    text_scores: Scores | None = None
    """Of a search by words and a vector; NaN for hits that only the vector has found."""

    by_words: bool = False
    """Whether it is the answer to a search that has words."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def listed_distances(self) -> list[float | None]:
        """The distances as a list, with None where there is none."""
        return listed(self.distances) if self.by_words else self.distances.tolist()

    @property
    def listed_text_scores(self) -> list[float | None]:
        """The scores of the words alone, likewise."""
        return [None] * len(self) if self.text_scores is None else listed(self.text_scores)

    @property
    def hits(self) -> list[Hit]:
        """The answer in rows."""
        pairs = zip(self.ids.tolist(), self.listed_distances, strict=True)
        if self.payloads is None and self.vectors is None and self.scores is None:
            return [Hit(id, distance) for id, distance in pairs]
        text_scores = self.listed_text_scores
        return [
            Hit(
                id,
                distance,
                None if self.payloads is None else self.payloads[row],
                None if self.vectors is None else self.vectors[row],
                None if self.scores is None else float(self.scores[row]),
                text_scores[row],
            )
            for row, (id, distance) in enumerate(pairs)
        ]


def listed(numbers: NDArray[np.float64]) -> list[float | None]:
    """A column of numbers as a list, with None for NaN."""
    pairs = zip(numbers.tolist(), np.isnan(numbers).tolist(), strict=True)
    return [None if is_none else value for value, is_none in pairs]


def check_request(request: SearchRequest, spec: IndexSpec) -> None:
    """Raises InvalidRequest, with the code of the field at fault, unless the request is in bounds."""
    check_count("k", request.k, 1, K_MAX, "bad_k")
    if request.ef_search is not None:
        check_count("ef_search", request.ef_search, 1, EF_SEARCH_MAX, "bad_ef_search")
    check_count("offset", request.offset, 0, OFFSET_MAX, "bad_offset")
    if request.max_distance is not None and not math.isfinite(request.max_distance):
        raise InvalidRequest("max_distance must be a finite number", code="bad_max_distance")
    if request.min_score is not None and not math.isfinite(request.min_score):
        raise InvalidRequest("min_score must be a finite number", code="bad_min_score")
    if request.ids is not None and request.ids.has_strings != spec.has_string_ids:
        kind = "strings" if spec.has_string_ids else "integers"
        raise InvalidRequest(f"the ids of this index are {kind}", code="bad_id")
    _check_legs(request)
    if request.vector is not None:
        _check_vector(request.vector, spec.dim)
    elif request.recommend is not None:
        request.recommend.check(spec)
    elif request.id is None:
        return
    elif spec.has_string_ids:
        check_name(request.id)
    else:
        check_count("id", request.id, 0, ID_MAX, "bad_id")
    if request.group_by is not None:
        request.group_by.check(request.k, has_diversity=request.diversity is not None)
    elif request.diversity is not None:
        if request.offset:
            raise InvalidRequest("diversity takes no offset", code="bad_diversity")
        request.diversity.check(request.k)


def _check_legs(request: SearchRequest) -> None:
    has_vector = request.has_vector
    if sum(given is not None for given in (request.vector, request.id, request.recommend)) > 1:
        raise InvalidRequest("give only one of vector, id and recommend to search by", code="bad_vector")
    if request.text is None:
        if not has_vector:
            reason = "give exactly one of vector, id and recommend to search by, or a text"
            raise InvalidRequest(reason, code="bad_vector")
        if request.fusion is not None:
            raise InvalidRequest("fusion needs a text beside the vector", code="bad_fusion")
        return
    check_text(request.text)
    if request.group_by is not None:
        raise InvalidRequest("group_by takes no text beside it", code="bad_group_by")
    if request.diversity is not None:
        raise InvalidRequest("diversity takes no text beside it", code="bad_diversity")
    if request.fusion is not None:
        if not has_vector:
            raise InvalidRequest("fusion needs a vector beside the text", code="bad_fusion")
        check_fusion(request.fusion)
    if request.max_distance is not None and not has_vector:
        raise InvalidRequest("max_distance needs a vector beside the text", code="bad_max_distance")


def check_count(name: str, value: object, least: int, most: int, code: str) -> None:
    """Raises InvalidRequest with that code unless the value is a whole number in bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidRequest(f"{name} must be an integer from {least} to {most}", code=code)


def _check_vector(vector: NDArray[np.float32], dim: int) -> None:
    if vector.ndim != 1 or vector.dtype != np.float32:
        raise InvalidRequest("a vector must be one-dimensional float32", code="bad_vector")
    if len(vector) != dim:
        raise InvalidRequest(f"the vector has {len(vector)} numbers, the index {dim}", code="wrong_dim")
    if not core.all_finite(vector):
        raise InvalidRequest("a vector must hold finite numbers", code="bad_vector")
