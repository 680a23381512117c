"""The asynchronous client's calls about the server as a whole: its collections, and the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asteroid_cloud.client.aio.calls import AsyncCalls
from asteroid_cloud.client.aio.collection import AsyncCollection
from asteroid_cloud.client.aio.transport import AsyncTransport
from asteroid_cloud.client.protocol import collections as calls
from asteroid_cloud.client.protocol import routes
from asteroid_cloud.client.results.reports import IndexInfo
from asteroid_cloud.client.results.server import CollectionInfo, Definition, KeyInfo


class AsyncServerCalls(AsyncCalls):
    """Make, list and delete collections; create and delete the index of the collection ``default``."""

    _transport: AsyncTransport

    async def create_index(self, dim: int, metric: str = "l2", bits: int | None = None) -> IndexInfo:
        """Creates the index: every vector will have ``dim`` numbers, compared by ``metric``.

        ``dim`` is 1 … 4000; ``metric`` is "l2", "cosine" or "ip". Each number is kept in ``bits``: 16, the
        default, gives the recall of float32; 8 takes half the disk and gives that of 8-bit codes. All three
        stay until ``delete_index``. Raises Conflict (``index_already_initialized``) when there is an index,
        and InvalidRequest (``bad_dim``, ``bad_metric``, ``bad_bits``).
        """
        return await self._transport.send(routes.create_index(dim, metric, bits))

    async def delete_index(self) -> IndexInfo:
        """Deletes the index and all its data, for good. Without an index it does nothing."""
        return await self._transport.send(routes.delete_index())

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
        call = calls.create_collection(name, dim, metric, bits, ids, vector, text)
        return await self._transport.send(call)

    async def collections(self) -> list[CollectionInfo]:
        """The collections there are, by name, and how large each is; ``default`` once it has an index."""
        return await self._transport.send(calls.collections())

    async def delete_collection(self, name: str) -> bool:
        """Deletes a collection with its data and its aliases, for good; returns whether there was one.

        What is under way in it raises NotFound (``no_collection``). Raises Conflict (``name_taken``) for an
        alias.
        """
        return await self._transport.send(calls.delete_collection(name))

    def collection(self, name: str) -> AsyncCollection:
        """A collection by its name, or by an alias; nothing is asked before its first call.

        Raises InvalidRequest (``bad_collection_name``) for what is no text.
        """
        return AsyncCollection(self._transport, name)

    async def set_alias(self, alias: str, collection: str) -> None:
        """Lets an alias lead to a collection from now on, wherever it led before.

        Raises NotFound (``no_collection``), Conflict (``name_taken``, ``too_many_aliases``) and
        InvalidRequest (``bad_collection_name``).
        """
        await self._transport.send(calls.set_alias(alias, collection))

    async def aliases(self) -> dict[str, str]:
        """The collection that each alias leads to, by alias."""
        return await self._transport.send(calls.aliases())

    async def delete_alias(self, alias: str) -> bool:
        """Removes an alias, and not its collection; returns whether there was one."""
        return await self._transport.send(calls.delete_alias(alias))

    async def key(self) -> KeyInfo:
        """What the client's key may do: its ``name``, ``role`` and the ``collections`` that it is limited to.

        The role is "read", "write" or "admin"; ``collections`` may be aliases, and is None for all.
        """
        return await self._transport.send(routes.key())
