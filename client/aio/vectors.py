"""The asynchronous client's calls about single vectors, their payloads, and sets of ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asteroid_cloud.client.aio.calls import AsyncCalls
from asteroid_cloud.client.protocol import routes
from asteroid_cloud.client.protocol.batches import OnExisting
from asteroid_cloud.client.protocol.encoding import Vector
from asteroid_cloud.client.protocol.routes import Metadata
from asteroid_cloud.client.results.answer import Payload
from asteroid_cloud.client.results.rows import Counted, Record, Row, Written


class AsyncVectorCalls(AsyncCalls):
    """Write, read and delete vectors and payloads by id.

    An id is an integer of 0 … 2^64-1; a vector is a list or a one-dimensional array of ``dim``
    numbers. Every call here may raise Conflict (``index_not_initialized``), Unauthorized, RateLimited,
    Unavailable, StorageError, InternalError and ConnectionFailed, besides what it names itself. A write is
    durable once it returns.
    """

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

        With ``on_existing="skip"`` nothing is written where the id exists, with "fail" that is a Conflict
        (``id_exists``). The result says which it was: "inserted", "replaced" or "skipped".
        ``metadata`` replaces the payload, an empty mapping clears it, None leaves it as it is.
        Raises InvalidRequest (``bad_id``, ``bad_vector``, ``wrong_dim``, ``bad_payload``), and Conflict
        (``precondition_failed``) when the id changed after LSN ``if_match``, the one that was read or last
        written, or when it exists and ``if_absent`` is set. A real change is never missed. The conflict may
        be reported without one: rarely, and always when ``if_match`` is older than the server's start; then
        read again and decide again. A write with a condition is not retried once it may have arrived.
        """
        condition = routes.matching(if_match, if_absent)
        return await self._transport.send(routes.insert(id, vector, metadata, condition, on_existing))

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
        """Stores a vector exactly as ``insert`` does.

        Raises InvalidRequest (``bad_id``, ``bad_vector``, ``wrong_dim``, ``bad_payload``).
        """
        condition = routes.matching(if_match, if_absent)
        return await self._transport.send(routes.upsert(id, vector, metadata, condition, on_existing))

    async def get(self, id: int | str, *, min_lsn: int | None = None) -> Record:
        """The stored vector, dequantised: close to what was inserted, not equal to it.

        Raises NotFound when there is no such id.
        """
        return await self._transport.send(routes.get(id, min_lsn))

    async def delete(self, id: int | str, *, if_match: int | None = None) -> Written:
        """Deletes a vector and its payload. An id that does not exist is no error.

        Raises Conflict (``precondition_failed``) when the id changed after LSN ``if_match``; see ``insert``.
        """
        return await self._transport.send(routes.delete(id, routes.matching(if_match)))

    async def get_payload(self, id: int | str, *, min_lsn: int | None = None) -> Payload:
        """The payload, ``{}`` if the vector has none.

        Raises NotFound when there is no such id.
        """
        return await self._transport.send(routes.get_payload(id, min_lsn))

    async def set_payload(self, id: int | str, payload: Metadata, *, if_match: int | None = None) -> Written:
        """Replaces the payload; the vector stays.

        Raises NotFound when there is no such id, InvalidRequest (``bad_payload``), and Conflict
        (``precondition_failed``) when the id changed after LSN ``if_match``; see ``insert``.
        """
        return await self._transport.send(routes.set_payload(id, payload, routes.matching(if_match)))

    async def merge_payload(
        self, id: int | str, partial: Metadata, *, if_match: int | None = None
    ) -> Written:
        """Merges into the payload (RFC 7396): objects merge, other values replace, None deletes.

        Raises NotFound when there is no such id, InvalidRequest (``bad_payload``), and Conflict
        (``precondition_failed``) when the id changed after LSN ``if_match``; see ``insert``.
        """
        return await self._transport.send(routes.merge_payload(id, partial, routes.matching(if_match)))

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
        return await self._transport.send(routes.fetch(ids, include, min_lsn, fields))

    async def delete_many(
        self,
        ids: Iterable[int | str] | None = None,
        *,
        filter: Metadata | None = None,
    ) -> Counted:
        """Deletes the vectors with these ids, or all that match a filter; returns how many there were.

        Exactly one of the two is given. Raises InvalidRequest (``bad_id``, ``bad_filter``).

        Ids are deleted all at once. What matches a filter when the call begins is deleted in batches of
        1,000, each whole or not at all. A vector that no longer matches when its batch is written stays, and
        so does one that begins to match later. An error has in ``details["deleted"]`` how many were deleted
        before it. Give the client a ``timeout`` that is long enough for many.
        """
        return await self._transport.send(routes.delete_many(ids, filter))

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
        return await self._transport.send(routes.merge_many(partial, ids, filter))
