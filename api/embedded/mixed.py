"""The store's calls that change many rows at once, in other ways than a batch of vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from asteroid_cloud.api.embedded.calls import Calls
from asteroid_cloud.api.embedded.life import until_closed
from asteroid_cloud.api.embedded.rows.batch_items import Item, checked_items
from asteroid_cloud.api.limits import PATCH_IDS_MAX
from asteroid_cloud.api.service.ids import checked_id, checked_ids
from asteroid_cloud.api.service.payloads import payload_text
from asteroid_cloud.api.service.results import Changed, Counted
from asteroid_cloud.api.service.searches import Metadata
from asteroid_cloud.api.service.write_by_filter import set_ids, set_matching
from asteroid_cloud.api.service.writing.mixed_writes import check_items, checked_set, write_mixed
from asteroid_cloud.indexer import Id, IndexSpec, Mixed, SetFields
from asteroid_cloud.indexer.limits import BATCH_ITEMS_MAX
from asteroid_cloud.query import parse_filter
from asteroid_cloud.wal.errors import InvalidRequest

Changes = Sequence[Mapping[str, Any]]


class MixedCalls(Calls):
    """Change many rows at once, and nothing of it or all."""

    @until_closed
    async def write(
        self,
        *,
        delete_filters: Sequence[Metadata] | None = None,
        deletes: Iterable[int | str] | None = None,
        upserts: Sequence[Item] | None = None,
        patches: Changes | None = None,
        sets: Changes | None = None,
    ) -> Changed:
        """Deletes, inserts, patches and sets rows, in this order, in one record: all of it or nothing.

        What matches one of ``delete_filters`` before the write is deleted, and so are ``deletes``.
        ``upserts`` are items as of ``insert_batch``, which may say ``on_existing`` and ``if_match``. A patch
        is ``{"id", "patch"}`` (RFC 7396), a set ``{"id", "set"?, "unset"?}`` as of ``set``; their ids must
        exist when it is their turn. At most 10,000 items, and 10,000 rows that filters match.

        Raises InvalidRequest (``bad_item``), NotFound for a patch or set of an absent id, and Conflict
        (``id_exists``, ``precondition_failed``), each with ``list`` and ``index`` in its details; TooLarge
        (``batch_too_large``). Nothing is written then.
        """
        spec, bytes_max = self.engine.snapshot().spec, self.engine.options.payload_bytes_max
        lists: list[list[Any]] = [
            list(each or ()) for each in (delete_filters, deletes, upserts, patches, sets)
        ]
        check_items(sum(map(len, lists)))
        filters = [parse_filter(condition) for condition in lists[0]]
        try:
            rows = checked_items(lists[2], spec, 0, bytes_max)
        except InvalidRequest as error:
            error.details["list"] = "upserts"
            raise
        mixed = Mixed(
            checked_ids(lists[1], spec, BATCH_ITEMS_MAX),
            rows,
            [_patch(item, index, spec, bytes_max) for index, item in enumerate(lists[3])],
            [_set(item, index, spec, bytes_max) for index, item in enumerate(lists[4])],
        )
        result = await write_mixed(self.engine, self.reads, mixed, filters)
        return Changed.of(result.counts, result.lsn)

    @until_closed
    async def set(
        self,
        values: Metadata | None = None,
        ids: Iterable[int | str] | None = None,
        *,
        filter: Metadata | None = None,
        unset: Sequence[str] | None = None,
    ) -> Counted:
        """Sets fields in the payloads of these ids, or of all that match a filter; returns how many.

        Each field of ``values`` replaces the one of its name, without merging; None is stored as null. What
        lies at the paths of ``unset`` ("a.b") is removed before that. Exactly one of ``ids`` and ``filter``
        is given; ids that do not exist are skipped. The vectors are changed in batches, as by ``merge_many``;
        an error has in ``details["set"]`` how many were changed before it. Raises InvalidRequest
        (``bad_payload``, ``bad_unset``, ``bad_id``, ``bad_filter``).
        """
        if (ids is None) == (filter is None):
            raise InvalidRequest("set takes either ids or a filter")
        bytes_max = self.engine.options.payload_bytes_max
        fields = _fields(values, unset, bytes_max)
        if ids is not None:
            result = await set_ids(
                self.engine, self.reads, checked_ids(ids, self.engine.snapshot().spec, PATCH_IDS_MAX), fields
            )
        else:
            result = await set_matching(self.engine, self.reads, parse_filter(filter), fields)
        return Counted(result.affected, lsn=result.lsn)


def _fields(values: object, unset: object, bytes_max: int) -> SetFields:
    text = None if values is None else payload_text(values, bytes_max) or b"{}"
    return checked_set(text, unset, bytes_max)


def _patch(item: Mapping[str, Any], index: int, spec: IndexSpec, bytes_max: int) -> tuple[Id, bytes]:
    try:
        _check_names(item, {"id", "patch"})
        return checked_id(item.get("id"), spec), payload_text(item.get("patch"), bytes_max) or b"{}"
    except InvalidRequest as error:
        raise _bad(error, "patches", index) from error


def _set(item: Mapping[str, Any], index: int, spec: IndexSpec, bytes_max: int) -> tuple[Id, SetFields]:
    try:
        _check_names(item, {"id", "set", "unset"})
        return checked_id(item.get("id"), spec), _fields(item.get("set"), item.get("unset"), bytes_max)
    except InvalidRequest as error:
        raise _bad(error, "sets", index) from error


def _check_names(item: object, names: set[str]) -> None:
    if not isinstance(item, Mapping):
        raise InvalidRequest(f"an item is a mapping, not {type(item).__name__}", code="bad_json")
    if unknown := item.keys() - names:
        raise InvalidRequest(f"there is no field {min(map(str, unknown))!r:.80} here", code="unknown_field")


def _bad(error: InvalidRequest, where: str, index: int) -> InvalidRequest:
    return InvalidRequest(
        f"item {index} of {where}: {error.message}",
        code="bad_item",
        list=where,
        index=index,
        reason=error.code,
    )
