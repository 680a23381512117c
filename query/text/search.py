"""The rows with the highest BM25 scores in one snapshot: one native call over all parts.

k1 is 1.2 and b 0.75; idf is ln(1 + (N - n + ½) / (n + ½)), where N counts the living rows that have the field
and n those of them that have the word there. Scores of fields are added up. So a score depends on what is
alive in the snapshot alone, not on how it is divided into segments.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Ids, PartView, Snapshot, TextDefinition, damage_in_text, unbounded
from asteroid_cloud.indexer.native import core
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.query.selection.allow_list import AllowList
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.selection.matching_rows import matching_rows
from asteroid_cloud.query.text.request import TextQuery
from asteroid_cloud.query.text.terms import terms_of
from asteroid_cloud.query.work import UNBOUNDED, Work
from asteroid_cloud.wal.errors import Conflict, Overloaded

BUILDING_RETRY_S = 1.0

NativePart = tuple[
    core.TextIndex, core.Part, int, NDArray[np.uint8] | None, int, NDArray[np.uint8] | None, int
]


class TextHits(msgspec.Struct, frozen=True, eq=False):
    """Rows by score, descending, and then by id."""

    ids: Ids
    scores: NDArray[np.float64]
    parts: NDArray[np.uint32]
    """Which of the snapshot's parts each is in."""
    ordinals: NDArray[np.uint32]
    words: list[str]
    """Those that were looked for."""
    matches: int
    """Rows that match, if they were counted; else some number."""
    postings: int
    """Places in the index that were looked at."""


def text_hits(
    snapshot: Snapshot,
    text: TextQuery,
    filter: Filter,
    cache: FilterCache,
    depth: int,
    *,
    work: Work = UNBOUNDED,
    allowed: AllowList | None = None,
    counts: bool = False,
) -> TextHits:
    """The ``depth`` best rows. ``counts`` asks for the number of all that match, which takes longer.

    Raises Conflict ``no_text_index``, Overloaded ``text_building``, InvalidRequest ``bad_text``, and what
    ``work`` does.
    """
    definition = snapshot.text
    if definition is None:
        raise Conflict("no field is indexed as text", code="no_text_index")
    terms = terms_of(definition, text)
    indexes = _indexes(snapshot, definition, work)
    parts = [
        _part(view, index, filter, cache, work, allowed)
        for view, index in zip(snapshot.parts, indexes, strict=True)
    ]
    if not terms.terms:
        return _nothing(snapshot, terms.words)
    with work.in_core() as allowance, damage_in_text():
        ids, scores, numbers, ordinals, matches, postings = core.search_text(
            parts, terms.terms, terms.phrases, text.needs_all, depth, counts, allowance
        )
    return TextHits(ids, scores, numbers, ordinals, terms.words, matches, postings)


def _indexes(snapshot: Snapshot, definition: TextDefinition, work: Work) -> list[core.TextIndex]:
    """The index of each part; the tail's is brought up to date."""
    found, rows, missing = [], 0, 0
    for view in snapshot.parts:
        index = view.part.text_index(definition, view.rows, work.counting(unbounded))
        rows += view.rows
        if index is None:
            missing += view.rows
        else:
            found.append(index)
    if missing:
        reason = f"{rows - missing} of {rows} rows are indexed as text; the others are in work"
        raise Overloaded(
            reason, code="text_building", retry_after_s=BUILDING_RETRY_S, rows=rows, indexed=rows - missing
        )
    return found


def _part(
    view: PartView,
    index: core.TextIndex,
    filter: Filter,
    cache: FilterCache,
    work: Work,
    allowed: AllowList | None,
) -> NativePart:
    is_limited = allowed is not None or not filter.matches_all
    found = matching_rows(view, filter, cache, work, allowed)
    mask = found.mask if is_limited else None
    dead = view.rows - view.live
    return index, view.part.native, view.rows, view.alive, dead, mask, found.count


def _nothing(snapshot: Snapshot, words: list[str]) -> TextHits:
    none = np.empty(0, np.uint32)
    ids: Ids = np.empty(0, np.object_ if snapshot.spec.has_string_ids else np.uint64)
    return TextHits(ids, np.empty(0), none, none, words, 0, 0)
