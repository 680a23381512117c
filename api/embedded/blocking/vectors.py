# Written by ops/faces from api/embedded/vectors.py: change that one.
"""The blocking store's calls about single vectors, their payloads, and sets of ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asteroid_cloud.api.embedded.blocking.calls import BlockingCalls
from asteroid_cloud.api.limits import FETCH_IDS_MAX
from asteroid_cloud.api.service.checks import (
    Vector,
    checked_columns,
    checked_lsn,
)
from asteroid_cloud.api.service.ids import checked_id, checked_ids
from asteroid_cloud.api.service.payloads import payload_value
from asteroid_cloud.api.service.results import Counted, Payload, Record, Row, Written
from asteroid_cloud.api.service.searches import Metadata, row_of
from asteroid_cloud.indexer import OnExisting
from asteroid_cloud.query import fetch_one


class BlockingVectorCalls(BlockingCalls):
    """Write, read and delete vectors and payloads by id.

    An id is an integer of 0 … 2^64-1, or where ids are strings a string of 1 to 512 bytes of UTF-8; a
    vector is a list or a one-dimensional array of ``dim`` numbers. Every call may raise Conflict
    (``index_not_initialized``), and every write StorageError and Overloaded, besides what it names itself. A
    write is durable once it returns.
    """

    def insert(
        self,
        id: int | str,
        vector: Vector | None,
        metadata: Metadata | None = None,
        *,
        if_match: int | None = None,
        if_absent: bool = False,
        on_existing: OnExisting | None = None,
    ) -> Written:
        """Stores a vector; it replaces the one that the id may have.

        ``vector`` may be None in a collection whose vectors are optional: the row has none then.

        With ``on_existing="skip"`` nothing is written where the id exists, with "fail" that is a Conflict
        (``id_exists``). The result says which it was: "inserted", "replaced" or "skipped".
        ``metadata`` replaces the payload, an empty mapping clears it, None leaves it as it is. Raises
        Conflict (``precondition_failed``) when the id changed after LSN ``if_match``, or when it exists and
        ``if_absent`` is set; InvalidRequest (``bad_id``, ``bad_vector``, ``wrong_dim``, ``bad_payload``,
        ``bad_if_match``).
        """
        return self._loop.run(
            self._store.insert,
            id,
            vector,
            metadata,
            if_match=if_match,
            if_absent=if_absent,
            on_existing=on_existing,
        )

    def upsert(
        self,
        id: int | str,
        vector: Vector | None,
        metadata: Metadata | None = None,
        *,
        if_match: int | None = None,
        if_absent: bool = False,
        on_existing: OnExisting | None = None,
    ) -> Written:
        """Stores a vector exactly as ``insert`` does."""
        return self._loop.run(
            self._store.upsert,
            id,
            vector,
            metadata,
            if_match=if_match,
            if_absent=if_absent,
            on_existing=on_existing,
        )

    def get(self, id: int | str, *, min_lsn: int | None = None) -> Record:
        """The stored vector, dequantised: close to what was inserted, not equal to it.

        Raises NotFound when there is no such id.
        """
        number = checked_id(id, self._reads.spec)
        snapshot = self._reads.snapshot(checked_lsn(min_lsn))
        vector = fetch_one(snapshot, number, vector=True).vector
        return Record(number, vector, snapshot.lsn)

    def delete(self, id: int | str, *, if_match: int | None = None) -> Written:
        """Deletes a vector and its payload. An id that does not exist is no error.

        Raises Conflict (``precondition_failed``) when the id changed after LSN ``if_match``.
        """
        return self._loop.run(self._store.delete, id, if_match=if_match)

    def get_payload(self, id: int | str, *, min_lsn: int | None = None) -> Payload:
        """The payload, ``{}`` if the vector has none.

        Raises NotFound when there is no such id.
        """
        number = checked_id(id, self._reads.spec)
        record = fetch_one(self._reads.snapshot(checked_lsn(min_lsn)), number, payload=True)
        return payload_value(record.payload or b"")

    def set_payload(self, id: int | str, payload: Metadata, *, if_match: int | None = None) -> Written:
        """Replaces the payload; the vector stays.

        Raises NotFound when there is no such id, InvalidRequest (``bad_payload``), and Conflict
        (``precondition_failed``) when the id changed after LSN ``if_match``.
        """
        return self._loop.run(self._store.set_payload, id, payload, if_match=if_match)

    def merge_payload(self, id: int | str, partial: Metadata, *, if_match: int | None = None) -> Written:
        """Merges into the payload (RFC 7396): objects merge, other values replace, None deletes.

        Raises what ``set_payload`` does.
        """
        return self._loop.run(self._store.merge_payload, id, partial, if_match=if_match)

    def fetch(
        self,
        ids: Iterable[int | str],
        *,
        include: Sequence[str] | None = None,
        min_lsn: int | None = None,
        fields: Sequence[str] | None = None,
    ) -> list[Row]:
        """Many stored vectors at once; ids that do not exist are left out.

        ``include`` names what each row carries: "payload", "vector" or both; ``fields`` asks for these of
        the payload only, as ``["title", "a.b"]``.
        """
        wanted, numbers = checked_columns(include, fields), checked_ids(ids, self._reads.spec, FETCH_IDS_MAX)
        snapshot = self._reads.snapshot(checked_lsn(min_lsn))
        records = self._reads.fetch(snapshot, numbers, wanted)
        return [row_of(record) for record in records]

    def delete_many(
        self, ids: Iterable[int | str] | None = None, *, filter: Metadata | None = None
    ) -> Counted:
        """Deletes the vectors with these ids, or all that match a filter; returns how many there were.

        Exactly one of the two is given. Raises InvalidRequest (``bad_id``, ``bad_filter``).

        Ids are deleted all at once. What matches a filter when the call begins is deleted in batches of
        1,000, each whole or not at all. A vector that no longer matches when its batch is written stays, and
        so does one that begins to match later. An error has in ``details["deleted"]`` how many were deleted
        before it.
        """
        return self._loop.run(self._store.delete_many, ids, filter=filter)

    def merge_many(
        self,
        partial: Metadata,
        ids: Iterable[int | str] | None = None,
        *,
        filter: Metadata | None = None,
    ) -> Counted:
        """Merges into the payloads of these ids, or of all that match a filter; returns how many there were.

        Exactly one of the two is given; ids that do not exist are skipped. The vectors are changed in batches
        of at most 200, in the way of ``delete_many`` with a filter. Raises InvalidRequest (``bad_id``,
        ``bad_filter``, and ``bad_payload`` with the ``id`` of one that would become too large); an error has
        in ``details["patched"]`` how many were changed before it.
        """
        return self._loop.run(self._store.merge_many, partial, ids, filter=filter)
