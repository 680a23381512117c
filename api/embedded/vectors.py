"""The store's calls about single vectors, their payloads, and sets of ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asteroid_cloud.api.embedded.calls import Calls
from asteroid_cloud.api.embedded.life import until_closed
from asteroid_cloud.api.limits import DELETE_IDS_MAX, FETCH_IDS_MAX, PATCH_IDS_MAX
from asteroid_cloud.api.service.checks import (
    Vector,
    checked_columns,
    checked_lsn,
    float32_vector,
)
from asteroid_cloud.api.service.ids import checked_id, checked_ids, one_id
from asteroid_cloud.api.service.payloads import payload_text, payload_value
from asteroid_cloud.api.service.preconditions import checked_condition, checked_on_existing
from asteroid_cloud.api.service.results import Counted, Payload, Record, Row, Written
from asteroid_cloud.api.service.searches import Metadata, row_of
from asteroid_cloud.api.service.write_by_filter import delete_matching, merge_ids, merge_matching
from asteroid_cloud.api.service.writes import put, result_of
from asteroid_cloud.indexer import OnExisting
from asteroid_cloud.query import fetch_one, parse_filter
from asteroid_cloud.wal.errors import InvalidRequest


class VectorCalls(Calls):
    """Write, read and delete vectors and payloads by id.

    An id is an integer of 0 … 2^64-1, or where ids are strings a string of 1 to 512 bytes of UTF-8; a
    vector is a list or a one-dimensional array of ``dim`` numbers. Every call may raise Conflict
    (``index_not_initialized``), and every write StorageError and Overloaded, besides what it names itself. A
    write is durable once it returns.
    """

    @until_closed
    async def insert(
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
        number, spec = checked_id(id, self.reads.spec), self.engine.snapshot().spec
        row = None if vector is None and not spec.needs_vectors else float32_vector(vector)
        payload = None if metadata is None else self._payload_text(metadata)
        condition = checked_condition(if_match, if_absent)
        existing = checked_on_existing(on_existing)
        result = await put(self.engine, number, row, payload, condition, existing)
        return Written(number, result.lsn, result_of(result.counts))

    async def upsert(
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
        return await self.insert(
            id, vector, metadata, if_match=if_match, if_absent=if_absent, on_existing=on_existing
        )

    async def get(self, id: int | str, *, min_lsn: int | None = None) -> Record:
        """The stored vector, dequantised: close to what was inserted, not equal to it.

        Raises NotFound when there is no such id.
        """
        number = checked_id(id, self.reads.spec)
        snapshot = await self.reads.snapshot(checked_lsn(min_lsn))
        vector = fetch_one(snapshot, number, vector=True).vector
        return Record(number, vector, snapshot.lsn)

    @until_closed
    async def delete(self, id: int | str, *, if_match: int | None = None) -> Written:
        """Deletes a vector and its payload. An id that does not exist is no error.

        Raises Conflict (``precondition_failed``) when the id changed after LSN ``if_match``.
        """
        number, condition = checked_id(id, self.reads.spec), checked_condition(if_match)
        result = await self.engine.delete(one_id(number), condition=condition)
        return Written(number, result.lsn)

    async def get_payload(self, id: int | str, *, min_lsn: int | None = None) -> Payload:
        """The payload, ``{}`` if the vector has none.

        Raises NotFound when there is no such id.
        """
        number = checked_id(id, self.reads.spec)
        record = fetch_one(await self.reads.snapshot(checked_lsn(min_lsn)), number, payload=True)
        return payload_value(record.payload or b"")

    @until_closed
    async def set_payload(self, id: int | str, payload: Metadata, *, if_match: int | None = None) -> Written:
        """Replaces the payload; the vector stays.

        Raises NotFound when there is no such id, InvalidRequest (``bad_payload``), and Conflict
        (``precondition_failed``) when the id changed after LSN ``if_match``.
        """
        number, text, condition = (
            checked_id(id, self.reads.spec),
            self._payload_text(payload),
            checked_condition(if_match),
        )
        return Written(number, (await self.engine.replace_payload(number, text, condition=condition)).lsn)

    @until_closed
    async def merge_payload(
        self, id: int | str, partial: Metadata, *, if_match: int | None = None
    ) -> Written:
        """Merges into the payload (RFC 7396): objects merge, other values replace, None deletes.

        Raises what ``set_payload`` does.
        """
        number, text = checked_id(id, self.reads.spec), self._payload_text(partial) or b"{}"
        condition = checked_condition(if_match)
        return Written(number, (await self.engine.merge_payload(number, text, condition=condition)).lsn)

    async def fetch(
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
        wanted, numbers = checked_columns(include, fields), checked_ids(ids, self.reads.spec, FETCH_IDS_MAX)
        snapshot = await self.reads.snapshot(checked_lsn(min_lsn))
        records = await self.reads.fetch(snapshot, numbers, wanted)
        return [row_of(record) for record in records]

    @until_closed
    async def delete_many(
        self, ids: Iterable[int | str] | None = None, *, filter: Metadata | None = None
    ) -> Counted:
        """Deletes the vectors with these ids, or all that match a filter; returns how many there were.

        Exactly one of the two is given. Raises InvalidRequest (``bad_id``, ``bad_filter``).

        Ids are deleted all at once. What matches a filter when the call begins is deleted in batches of
        1,000, each whole or not at all. A vector that no longer matches when its batch is written stays, and
        so does one that begins to match later. An error has in ``details["deleted"]`` how many were deleted
        before it.
        """
        if (ids is None) == (filter is None):
            raise InvalidRequest("delete_many takes either ids or a filter")
        if ids is not None:
            result = await self.engine.delete(checked_ids(ids, self.reads.spec, DELETE_IDS_MAX))
        else:
            result = await delete_matching(self.engine, self.reads, parse_filter(filter))
        return Counted(result.affected, lsn=result.lsn)

    @until_closed
    async def merge_many(
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
        if (ids is None) == (filter is None):
            raise InvalidRequest("merge_many takes either ids or a filter")
        patch = self._payload_text(partial) or b"{}"
        if ids is not None:
            numbers = checked_ids(ids, self.reads.spec, PATCH_IDS_MAX)
            result = await merge_ids(self.engine, self.reads, numbers, patch)
        else:
            result = await merge_matching(self.engine, self.reads, parse_filter(filter), patch)
        return Counted(result.affected, lsn=result.lsn)

    def _payload_text(self, payload: Metadata) -> bytes:
        """A payload as it is to be stored; raises InvalidRequest ``bad_payload``."""
        return payload_text(payload, self.engine.options.payload_bytes_max)
