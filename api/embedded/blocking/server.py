# Written by ops/faces from api/embedded/server.py: change that one.
"""The blocking store's calls about its collections, and about the index of the collection ``default``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asteroid_cloud.api.embedded.blocking.calls import BlockingCalls
from asteroid_cloud.api.service.collections import CollectionInfo, Definition
from asteroid_cloud.api.service.results import IndexInfo


class BlockingServerCalls(BlockingCalls):
    """Make, list and delete collections; create and delete the index of the collection ``default``."""

    def create_index(
        self, dim: int, metric: str = "l2", bits: int = 16, *, ids: str = "integer"
    ) -> IndexInfo:
        """Creates the index: every vector will have ``dim`` numbers, compared by ``metric``.

        ``dim`` is 1 … 4000; ``metric`` is "l2", "cosine" or "ip". Each number is kept in ``bits``: 16 gives
        the recall of float32, 8 takes half the disk and gives that of 8-bit codes. ``ids`` is "integer" or
        "string". All of it stays until ``delete_index``. Raises Conflict (``index_already_initialized``),
        InvalidRequest (``bad_dim``, ``bad_metric``, ``bad_bits``, ``bad_ids``).
        """
        return self._loop.run(self._store.create_index, dim, metric, bits, ids=ids)

    def delete_index(self) -> IndexInfo:
        """Deletes the index and all its data, for good. Without an index it does nothing."""
        return self._loop.run(self._store.delete_index)

    def create_collection(
        self,
        name: str,
        dim: int | None = None,
        metric: str | None = None,
        bits: int | None = None,
        *,
        ids: str | None = None,
        vector: str | None = None,
        text: Mapping[str, Any] | None = None,
    ) -> Definition:
        """Makes a collection, which is an index with a log of its own.

        ``dim``, ``metric`` and ``bits`` are those of ``create_index``; ``ids`` are "integer" (the default) or
        "string", a ``vector`` is "required" (the default) or "optional". ``text`` says which fields are
        indexed as text, as ``{"fields": {"gloss": {"language": "english"}}}``; see ``set_text``.
        A collection of that name is compared in what is given: the same again succeeds, another raises
        Conflict (``collection_differs``). Raises Conflict (``name_taken``, ``too_many_collections``) and
        InvalidRequest (``bad_collection_name``, ``missing_field``, ``bad_dim``, …).
        """
        return self._loop.run(
            self._store.create_collection, name, dim, metric, bits, ids=ids, vector=vector, text=text
        )

    def collections(self) -> list[CollectionInfo]:
        """The collections there are, by name, and how large each is; ``default`` once it has an index."""
        return self._loop.run(self._store.collections)

    def delete_collection(self, name: str) -> bool:
        """Deletes a collection with its data and its aliases, for good; returns whether there was one.

        What is under way in it raises NotFound (``no_collection``). Raises Conflict (``name_taken``) for an
        alias.
        """
        return self._loop.run(self._store.delete_collection, name)

    def set_alias(self, alias: str, collection: str) -> None:
        """Lets an alias lead to a collection from now on, wherever it led before.

        Raises NotFound (``no_collection``), Conflict (``name_taken``, ``too_many_aliases``) and
        InvalidRequest (``bad_collection_name``).
        """
        self._loop.run(self._store.set_alias, alias, collection)

    def aliases(self) -> dict[str, str]:
        """The collection that each alias leads to, by alias."""
        return self._loop.run(self._store.aliases)

    def delete_alias(self, alias: str) -> bool:
        """Removes an alias, and not its collection; returns whether there was one."""
        return self._loop.run(self._store.delete_alias, alias)
