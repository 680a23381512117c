# Written by ops/faces from client/aio/load.py: change that one.
"""The blocking client's calls that load many vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from contextlib import closing

from asteroid_cloud.client.arguments import integer
from asteroid_cloud.client.bulk.body import BULK_TIMEOUT_S, Payloads, Vectors, bulk_body
from asteroid_cloud.client.errors import InvalidRequest
from asteroid_cloud.client.progress import Meter
from asteroid_cloud.client.protocol import routes, writes
from asteroid_cloud.client.protocol.batches import (
    CHUNK_ITEMS,
    Item,
    Items,
    OnExisting,
    checked_chunk_size,
)
from asteroid_cloud.client.protocol.routes import Metadata
from asteroid_cloud.client.protocol.writes import Changes
from asteroid_cloud.client.results.reports import BulkReport
from asteroid_cloud.client.results.rows import Changed, Counted, Inserted
from asteroid_cloud.client.sync.batch_upload import BatchUpload
from asteroid_cloud.client.sync.calls import Calls
from asteroid_cloud.client.sync.concurrency import batched, in_thread

PARALLEL_MAX = 64


class LoadCalls(Calls):
    """Load many vectors: in batches into any index, or in one go into an empty one; change many at once."""

    def insert_batch(
        self,
        items: Items,
        *,
        chunk_size: int = CHUNK_ITEMS,
        parallel: int = 1,
        progress: bool | None = None,
        on_existing: OnExisting | None = None,
    ) -> Inserted:
        """Stores ``(id, vector)`` or ``(id, vector, metadata)`` items, or mappings; returns how many.

        Where an id exists the item replaces what is stored; with ``on_existing="skip"`` it is left out, and
        with "fail" its batch is refused. A mapping may say ``on_existing`` for itself, and ``if_match``: an
        LSN after which its id must not have changed, or "*" for an id that must exist. Items take their turns
        in order, so that of two with one id the second finds what the first has stored. The result has
        ``replaced`` and ``skipped`` too.

        ``items`` may be endless and is taken ``chunk_size`` at a time; each such batch is stored whole or
        not at all. With ``parallel`` above 1 that many are under way at once; of two items with the
        same id either may win then. ``progress`` shows a bar (True), none (False), or one at a terminal
        if it takes long (None).

        Raises InvalidRequest (``bad_item``), with the place of the item among all in
        ``details["index"]``, as Conflict (``id_exists``, ``precondition_failed``) does, besides what
        ``insert`` raises. Any error has in ``details["inserted"]``
        how many items were acknowledged before it.
        """
        chunk_size = checked_chunk_size(chunk_size)
        parallel = integer("parallel", parallel)
        if not 1 <= parallel <= PARALLEL_MAX:
            raise InvalidRequest(f"parallel must be 1 … {PARALLEL_MAX}, got {parallel}", code="bad_parallel")
        with Meter(len(items) if isinstance(items, Sized) else None, progress) as meter:
            upload = BatchUpload(self._transport, parallel, meter, on_existing)
            with closing(batched(items, chunk_size)) as batches:
                return upload.run(batches)

    def bulk_build(
        self,
        vectors: Vectors,
        dim: int | None = None,
        threads: int = 0,
        payloads: Payloads | None = None,
        *,
        ids: Sequence[str] | None = None,
        timeout: float = BULK_TIMEOUT_S,
    ) -> BulkReport:
        """Builds the whole index of an empty store at once; the ids are 0 … n-1, or strings: ``ids``.

        ``vectors`` is an (n, dim) array, a list of rows, or the path of a ``.npy`` file or of one with raw
        little-endian float32 (then say its ``dim``). They are streamed, never copied as a whole.
        ``payloads`` has one mapping or None for each. ``threads`` 0 lets the server choose. A
        build is never retried; ``timeout`` (seconds) covers upload and build.

        Raises Conflict (``index_not_empty``), InvalidRequest (``bad_vector``, ``wrong_dim``,
        ``bad_payload``, ``bad_file``) and TooLarge.
        """
        body = in_thread(bulk_body, vectors, dim, payloads, ids)
        call = routes.bulk_build(body, body.source.rows, body.source.dim, threads, timeout)
        return self._transport.send(call)

    def write(
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
        body = in_thread(writes.write_body, delete_filters, deletes, upserts, patches, sets)
        return self._transport.send(writes.write(body))

    def set(
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
        return self._transport.send(writes.set_fields(values, ids, filter, unset))
