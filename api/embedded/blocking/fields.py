# Written by ops/faces from api/embedded/fields.py: change that one.
"""The blocking store's calls that say what a payload field holds."""

from __future__ import annotations

from asteroid_cloud.api.embedded.blocking.calls import BlockingCalls
from asteroid_cloud.api.service.checks import checked_lsn, integer
from asteroid_cloud.api.service.results import Facets, FieldList, FieldRange
from asteroid_cloud.api.service.searches import Metadata, filter_of
from asteroid_cloud.query import field_path


class BlockingFieldCalls(BlockingCalls):
    """Count values, and find the least and the greatest, in all payloads that match a filter.

    ``field`` is a path through objects, ``a.b`` for b in a. Each distinct element of an array counts once
    a vector; objects, and arrays within arrays, are not counted. Every call may raise InvalidRequest
    (``bad_field``, ``bad_filter``) and Conflict (``index_not_initialized``).
    """

    def facets(
        self,
        field: str,
        filter: Metadata | None = None,
        *,
        limit: int = 10,
        offset: int = 0,
        order: str = "count",
        contains: str | None = None,
        min_lsn: int | None = None,
    ) -> Facets:
        """The ``limit`` (1 … 1,000) commonest values of a payload field, the most frequent first; exact.

        ``offset`` skips the first; the ``order`` "value" lists them by value: null, booleans, numbers,
        strings. With ``contains`` only strings with this text in them are values. Raises TooLarge
        (``too_many_values``) when the records that match have more distinct values than can be counted:
        100,000, or 16 MiB of text.
        """
        path, condition = field_path(field), filter_of(filter)
        snapshot = self._reads.snapshot(checked_lsn(min_lsn))
        most, first = integer("limit", limit), integer("offset", offset)
        found = self._reads.facets(
            snapshot, path, condition, most, offset=first, order=order, contains=contains
        )
        return Facets.of(found, snapshot.lsn)

    def field_range(
        self, field: str, filter: Metadata | None = None, *, min_lsn: int | None = None
    ) -> FieldRange:
        """The least and the greatest number, and string (by code point), of a payload field.

        A kind that no vector has is None.
        """
        path, condition = field_path(field), filter_of(filter)
        snapshot = self._reads.snapshot(checked_lsn(min_lsn))
        return FieldRange.of(self._reads.field_range(snapshot, path, condition), snapshot.lsn)

    def fields(self, *, min_lsn: int | None = None) -> FieldList:
        """Every field that payloads have, in the order of paths: its ``path``, ``kinds`` and exact ``count``.

        A path is escaped as paths are; kinds are "null", "boolean", "number", "string", "array" and "object".
        Arrays are not entered. Raises TooLarge (``too_many_fields``) when there are more than 10,000.
        """
        snapshot = self._reads.snapshot(checked_lsn(min_lsn))
        return FieldList(self._reads.field_list(snapshot), lsn=snapshot.lsn)
