# Written by ops/faces from api/embedded/mixed.py: change that one.
"""The blocking store's calls that change many rows at once, in other ways than a batch of vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asteroid_cloud.api.embedded.blocking.calls import BlockingCalls
from asteroid_cloud.api.embedded.mixed import Changes
from asteroid_cloud.api.embedded.rows.batch_items import Item
from asteroid_cloud.api.service.results import Changed, Counted
from asteroid_cloud.api.service.searches import Metadata


class BlockingMixedCalls(BlockingCalls):
    """Change many rows at once, and nothing of it or all."""

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
        return self._loop.run(
            self._store.write,
            delete_filters=delete_filters,
            deletes=deletes,
            upserts=upserts,
            patches=patches,
            sets=sets,
        )

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
        return self._loop.run(self._store.set, values, ids, filter=filter, unset=unset)
