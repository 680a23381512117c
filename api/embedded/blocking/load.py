# Written by ops/faces from api/embedded/load.py: change that one.
"""The blocking store's calls that load many vectors."""

from __future__ import annotations

from collections.abc import Sequence

from asteroid_cloud.api.embedded.blocking.calls import BlockingCalls
from asteroid_cloud.api.embedded.load import CHUNK_ITEMS, Payloads
from asteroid_cloud.api.embedded.rows.batch_items import Items
from asteroid_cloud.api.embedded.rows.bulk_rows import Vectors
from asteroid_cloud.api.service.results import BulkReport, Inserted
from asteroid_cloud.indexer import OnExisting


class BlockingLoadCalls(BlockingCalls):
    """Load many vectors: in batches into any index, or in one go into an empty one."""

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
        not at all. ``parallel`` and ``progress`` are accepted for code written for the client and have no
        effect, as there is no network to wait for.

        Raises InvalidRequest (``bad_item``), and Conflict (``id_exists``, ``precondition_failed``), with the
        place of the item among all in ``details["index"]``. Any error has in ``details["inserted"]`` how many
        items were stored before it.
        """
        return self._loop.run(
            self._store.insert_batch,
            items,
            chunk_size=chunk_size,
            parallel=parallel,
            progress=progress,
            on_existing=on_existing,
        )

    def bulk_build(
        self,
        vectors: Vectors,
        dim: int | None = None,
        threads: int = 0,
        payloads: Payloads | None = None,
        *,
        ids: Sequence[str] | None = None,
    ) -> BulkReport:
        """Builds the whole index of an empty store at once; the ids are 0 … n-1, or strings: ``ids``.

        ``vectors`` is an (n, dim) array, a list of rows, or the path of a ``.npy`` file or of one with raw
        little-endian float32. ``payloads`` has one mapping or None for each. ``threads`` 0 takes as many
        as there are processors.

        Raises Conflict (``index_not_empty``), InvalidRequest (``bad_vector``, ``wrong_dim``,
        ``bad_payload``, ``bad_file``, ``bad_id``).
        """
        return self._loop.run(self._store.bulk_build, vectors, dim, threads, payloads, ids=ids)
