"""The store's calls about its collections, and about the index of the collection ``default``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from asteroid_cloud.api.embedded.calls import Calls
from asteroid_cloud.api.embedded.life import until_closed
from asteroid_cloud.api.service.checks import integer
from asteroid_cloud.api.service.collections import AskedDefinition, CollectionInfo, Collections, Definition
from asteroid_cloud.api.service.results import IndexInfo


class ServerCalls(Calls):
    """Make, list and delete collections; create and delete the index of the collection ``default``."""

    _collections: Collections

    @until_closed
    async def create_index(
        self, dim: int, metric: str = "l2", bits: int = 16, *, ids: str = "integer"
    ) -> IndexInfo:
        """Creates the index: every vector will have ``dim`` numbers, compared by ``metric``.

        ``dim`` is 1 … 4000; ``metric`` is "l2", "cosine" or "ip". Each number is kept in ``bits``: 16 gives
        the recall of float32, 8 takes half the disk and gives that of 8-bit codes. ``ids`` is "integer" or
        "string". All of it stays until ``delete_index``. Raises Conflict (``index_already_initialized``),
        InvalidRequest (``bad_dim``, ``bad_metric``, ``bad_bits``, ``bad_ids``).
        """
        dim, bits = integer("dim", dim), integer("bits", bits)
        result = await self.engine.create_index(dim, metric, bits, ids)
        return IndexInfo(True, dim, metric.lower(), bits, result.lsn)

    @until_closed
    async def delete_index(self) -> IndexInfo:
        """Deletes the index and all its data, for good. Without an index it does nothing."""
        result = await self.engine.delete_index()
        return IndexInfo(False, None, None, None, result.lsn)

    @until_closed
    async def create_collection(
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
        given = {"dim": dim, "metric": metric, "bits": bits, "ids": ids, "vector": vector, "text": text}
        asked = {field: msgspec.UNSET if value is None else value for field, value in given.items()}
        return await self._collections.create(name, AskedDefinition(**asked))

    @until_closed
    async def collections(self) -> list[CollectionInfo]:
        """The collections there are, by name, and how large each is; ``default`` once it has an index."""
        return await self._collections.infos()

    @until_closed
    async def delete_collection(self, name: str) -> bool:
        """Deletes a collection with its data and its aliases, for good; returns whether there was one.

        What is under way in it raises NotFound (``no_collection``). Raises Conflict (``name_taken``) for an
        alias.
        """
        return await self._collections.delete(name)

    @until_closed
    async def set_alias(self, alias: str, collection: str) -> None:
        """Lets an alias lead to a collection from now on, wherever it led before.

        Raises NotFound (``no_collection``), Conflict (``name_taken``, ``too_many_aliases``) and
        InvalidRequest (``bad_collection_name``).
        """
        await self._collections.set_alias(alias, collection)

    @until_closed
    async def aliases(self) -> dict[str, str]:
        """The collection that each alias leads to, by alias."""
        return self._collections.aliases

    @until_closed
    async def delete_alias(self, alias: str) -> bool:
        """Removes an alias, and not its collection; returns whether there was one."""
        return await self._collections.delete_alias(alias)
