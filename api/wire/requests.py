"""The JSON bodies of requests, and how one that does not fit becomes a typed error.

Fields whose wrong type has a code of its own are declared as ``object`` and checked afterwards: the
decoder would take 1.0 for an integer, and its message would not name the code.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.api.service.checks import checked_lsn
from asteroid_cloud.api.service.payloads import checked_text
from asteroid_cloud.api.service.searches import recall_request, search_request
from asteroid_cloud.api.wire.json_faults import fault_of, repeated_key
from asteroid_cloud.api.wire.native import core
from asteroid_cloud.api.wire.values.read import ids_from, is_given, vector_from
from asteroid_cloud.indexer import IndexSpec
from asteroid_cloud.query import MATCH_ALL, Filter, RecallRequest, SearchRequest, parse_filter
from asteroid_cloud.query.limits import ALLOWED_IDS_MAX, RECOMMEND_IDS_MAX
from asteroid_cloud.wal.errors import InvalidRequest, TooLarge

T = TypeVar("T")

ABSENT = msgspec.Raw(b"")


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request body; a field that is not declared is an error."""


class IndexBody(Body, frozen=True):
    """``PUT /v1/index``."""

    dim: object = None
    metric: object = "l2"
    bits: object = 16


class BackupBody(Body, frozen=True):
    """``POST /v1/backup``."""

    name: object


class Nothing(Body, frozen=True):
    """A body without fields, which may be left out."""


class FlushBody(Body, frozen=True):
    """``POST /v1/flush``; the body may be left out."""

    timeout_s: object = 60


class TagBody(Body, frozen=True):
    """``POST /v1/tags``."""

    name: object


class VectorBody(Body, frozen=True):
    """``PUT /v1/vectors/{id}``."""

    vector: msgspec.Raw = ABSENT
    metadata: msgspec.Raw = ABSENT
    on_existing: object = None


class InsertBody(Body, frozen=True):
    """``POST /v1/vectors``."""

    id: object
    vector: msgspec.Raw = ABSENT
    metadata: msgspec.Raw = ABSENT
    on_existing: object = None


class SearchBody(Body, frozen=True):
    """``POST /v1/search``, and each search of a batch."""

    vector: msgspec.Raw = ABSENT
    k: object = 10
    ef_search: object = None
    filter: msgspec.Raw = ABSENT
    include: object = None
    exact: object = False
    min_lsn: object = None
    offset: object = 0
    max_distance: object = None
    id: object = None
    explain: object = False
    ids: msgspec.Raw = ABSENT
    min_score: object = None
    fields: object = None
    recommend: msgspec.Raw = ABSENT
    group_by: object = None
    diversity: object = None
    vector_format: object = None
    text: object = None
    fusion: object = None
    max_scan_candidates: object = None
    """Accepted without effect: every search finds all that there are."""

    def request(self, spec: IndexSpec | None) -> SearchRequest:
        """The search of such an index; raises InvalidRequest with the code of the field at fault."""
        return search_request(
            spec,
            vector=vector_from(self.vector) if is_given(self.vector) else None,
            id=self.id,
            k=self.k,
            ef_search=self.ef_search,
            filter=filter_from(self.filter),
            include=self.include,
            exact=self.exact,
            offset=self.offset,
            max_distance=self.max_distance,
            explain=self.explain,
            ids=ids_from(self.ids, spec, ALLOWED_IDS_MAX) if is_given(self.ids) else None,
            min_score=self.min_score,
            fields=self.fields,
            recommend=recommend_from(self.recommend),
            group_by=self.group_by,
            diversity=self.diversity,
            text=self.text,
            fusion=self.fusion,
        )


class SearchBatchBody(Body, frozen=True):
    """``POST /v1/search/batch``."""

    searches: list[SearchBody]
    min_lsn: object = None

    def wanted_lsn(self) -> int:
        """The LSN that one snapshot must cover for all of the searches."""
        return max([checked_lsn(self.min_lsn), *(checked_lsn(each.min_lsn) for each in self.searches)])


class FetchBody(Body, frozen=True):
    """``POST /v1/vectors/fetch``."""

    ids: object
    include: object = None
    fields: object = None
    vector_format: object = None
    min_lsn: object = None


class DeleteBody(Body, frozen=True):
    """``POST /v1/vectors/delete``."""

    ids: object = None
    filter: msgspec.Raw = ABSENT


class PatchBody(Body, frozen=True):
    """``POST /v1/vectors/patch``."""

    patch: msgspec.Raw
    ids: object = None
    filter: msgspec.Raw = ABSENT


class SetBody(Body, frozen=True):
    """``POST /v1/vectors/set``."""

    set: msgspec.Raw = ABSENT
    unset: object = None
    ids: object = None
    filter: msgspec.Raw = ABSENT


class ScrollBody(Body, frozen=True):
    """``POST /v1/vectors/scroll``."""

    limit: object = 1000
    filter: msgspec.Raw = ABSENT
    cursor: object = None
    order_by: object = None
    include: object = None
    fields: object = None
    vector_format: object = None
    min_lsn: object = None


class CountBody(Body, frozen=True):
    """``POST /v1/count``."""

    filter: msgspec.Raw = ABSENT
    min_lsn: object = None


class RecallBody(Body, frozen=True):
    """``POST /v1/recall``."""

    num: object = 20
    k: object = 10
    ef_search: object = None
    filter: msgspec.Raw = ABSENT
    min_lsn: object = None

    def request(self) -> RecallRequest:
        """What to measure; raises InvalidRequest with the code of the field at fault."""
        return recall_request(
            num=self.num, k=self.k, ef_search=self.ef_search, filter=filter_from(self.filter)
        )


class FacetsBody(Body, frozen=True):
    """``POST /v1/facets``."""

    field: object
    filter: msgspec.Raw = ABSENT
    limit: object = 10
    offset: object = 0
    order: object = "count"
    contains: object = None
    min_lsn: object = None


class RangeBody(Body, frozen=True):
    """``POST /v1/range``."""

    field: object
    filter: msgspec.Raw = ABSENT
    min_lsn: object = None


INDEX = msgspec.json.Decoder(IndexBody)
BACKUP = msgspec.json.Decoder(BackupBody)
FLUSH = msgspec.json.Decoder(FlushBody)
TAG = msgspec.json.Decoder(TagBody)
NOTHING = msgspec.json.Decoder(Nothing)
VECTOR = msgspec.json.Decoder(VectorBody)
INSERT = msgspec.json.Decoder(InsertBody)
SEARCH = msgspec.json.Decoder(SearchBody)
SEARCH_BATCH = msgspec.json.Decoder(SearchBatchBody)
FETCH = msgspec.json.Decoder(FetchBody)
DELETE = msgspec.json.Decoder(DeleteBody)
PATCH = msgspec.json.Decoder(PatchBody)
SET = msgspec.json.Decoder(SetBody)
SCROLL = msgspec.json.Decoder(ScrollBody)
COUNT = msgspec.json.Decoder(CountBody)
RECALL = msgspec.json.Decoder(RecallBody)
FACETS = msgspec.json.Decoder(FacetsBody)
RANGE = msgspec.json.Decoder(RangeBody)

# The code of an error in a field; the other fields have "bad_" and their own name.
CODES = {
    "metadata": "bad_payload",
    "patch": "bad_payload",
    "set": "bad_payload",
    "ids": "bad_id",
    "searches": "bad_request",
    "max_scan_candidates": "bad_request",
}

_UNKNOWN = re.compile(r"unknown field `(.*)`")
_MISSING = re.compile(r"missing required field `(.*)`")
_FIELD = re.compile(r"`\$.*\.([a-z_]+)")
_SEARCH = re.compile(r"`\$\.searches\[(\d+)\]")


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The body as a struct; raises InvalidRequest.

    Its code is ``bad_json`` (also for a key given twice), ``unknown_field``, ``missing_field`` or that
    of the field at fault.
    """
    try:
        decoded = decoder.decode(body)
    except msgspec.ValidationError as error:
        _refuse_misfit(str(error))
    except RecursionError:
        _refuse("the body is nested too deeply", "bad_json")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _refuse_malformed(body, fault_of(body) or str(error))
    if (key := repeated_key(body)) is not None:
        _refuse(f"the key {key!r} is given twice in one object", "bad_json")
    return decoded


def check_count(body: bytes, field: str, most: int, what: str) -> None:
    """Raises TooLarge ``batch_too_large`` for a longer list in a body, before anything is made of it.

    Decoding would take the interpreter for itself, for as long as there are elements.
    """
    if len(body) > 2 * most and core.count_elements(body, field, most) > most:  # two bytes each, at least
        raise TooLarge(f"a request has at most {most:,} {what}", code="batch_too_large")


def filter_from(text: msgspec.Raw) -> Filter:
    """The filter of a body; one left out matches all."""
    raw = bytes(text)
    return parse_filter(raw) if raw else MATCH_ALL


def recommend_from(text: msgspec.Raw) -> object:
    """The examples of a search, decoded; None where there are none. Raises TooLarge for too many."""
    if not is_given(text):
        return None
    for field in ("positive", "negative"):
        check_count(bytes(text), field, RECOMMEND_IDS_MAX, "examples")
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"recommend is no JSON: {error}", code="bad_json") from error


def row_vector(raw: msgspec.Raw, needs_vector: bool) -> NDArray[np.float32] | None:
    """The vector of a row in a body; None for null or one left out, where rows need none."""
    if needs_vector and not bytes(raw):
        _refuse("the field 'vector' is missing", "missing_field")
    if not needs_vector and not is_given(raw):
        return None
    return vector_from(raw)


def payload_from(text: msgspec.Raw, bytes_max: int) -> bytes | None:
    """The metadata of a body, at most ``bytes_max``: None when left out, b"" for an empty object."""
    raw = bytes(text)
    return checked_text(raw, bytes_max) if raw else None


def payload_of(body: bytes, bytes_max: int) -> bytes:
    """A payload that is a body of its own, as it is to be stored; raises InvalidRequest ``bad_payload``."""
    text = checked_text(body, bytes_max) if (fault := fault_of(body)) is None else None
    if text is None:
        _refuse(f"a payload is not JSON: {fault}", "bad_payload")
    if (key := repeated_key(text)) is not None:
        _refuse(f"a payload has the key {key!r} twice in one object", "bad_payload")
    return text


def code_of(field: str) -> str:
    """The code of an error in that field."""
    return CODES.get(field, f"bad_{field}")


def _refuse(message: str, code: str, **details: object) -> NoReturn:
    raise InvalidRequest(message, code=code, **details)


def _refuse_misfit(message: str) -> NoReturn:
    """Valid JSON that does not fit the struct; the decoder's message says where."""
    search = _SEARCH.search(message)
    details = {"index": int(search[1])} if search else {}
    if unknown := _UNKNOWN.search(message):
        _refuse(f"there is no field {unknown[1]!r:.80} here", "unknown_field", **details)
    if missing := _MISSING.search(message):
        _refuse(f"the field {missing[1]!r} is missing", "missing_field", **details)
    if field := _FIELD.search(message):
        _refuse(message, code_of(field[1]), **details)
    _refuse(message, "bad_json")


def _refuse_malformed(body: bytes, message: str) -> NoReturn:
    """Not JSON. Writers that print NaN and Infinity are common: their error names the field."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    found = _field_not_finite(document)
    if found is None:
        _refuse(f"the body is not JSON: {message}", "bad_json")
    _refuse(f"{found} holds NaN or an infinity, which is not JSON", code_of(found))


def _field_not_finite(document: object) -> str | None:
    """The first field that holds a number which JSON does not know."""
    if not isinstance(document, dict):
        return None
    for name, value in document.items():
        if name == "searches" and isinstance(value, list):
            found = next(filter(None, map(_field_not_finite, value)), None)
            if found is not None:
                return found
        elif name in _FIELDS:
            try:
                json.dumps(value, allow_nan=False)
            except (ValueError, RecursionError):
                return str(name)
    return None


_CHECKED = (SearchBody, InsertBody, ScrollBody, BackupBody, TagBody, FlushBody, FacetsBody, RecallBody)
_FIELDS = {name for body in (*_CHECKED, PatchBody, SetBody) for name in body.__struct_fields__}
