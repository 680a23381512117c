"""One collection of the blocking store by its name; its calls run in the store's event loop."""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

from asteroid_cloud.api.embedded.blocking.changes import BlockingChangeCalls
from asteroid_cloud.api.embedded.blocking.event_loop import EventLoop
from asteroid_cloud.api.embedded.blocking.fields import BlockingFieldCalls
from asteroid_cloud.api.embedded.blocking.index import BlockingIndexCalls
from asteroid_cloud.api.embedded.blocking.load import BlockingLoadCalls
from asteroid_cloud.api.embedded.blocking.mixed import BlockingMixedCalls
from asteroid_cloud.api.embedded.blocking.search import BlockingSearchCalls
from asteroid_cloud.api.embedded.blocking.vectors import BlockingVectorCalls
from asteroid_cloud.api.embedded.named.collection import StoreCollection


class BlockingCollection(
    BlockingIndexCalls,
    BlockingVectorCalls,
    BlockingSearchCalls,
    BlockingFieldCalls,
    BlockingLoadCalls,
    BlockingMixedCalls,
    BlockingChangeCalls,
):
    """A collection of the store, by its name or by an alias, which each call follows anew.

    It has all calls that the store has for the collection ``default``, but those that make and delete the
    index: a collection is made and deleted as a whole. It costs nothing and holds nothing open between its
    calls. Every call may raise NotFound (``no_collection``) and Overloaded (``too_many_open``).
    """

    def __init__(self, loop: EventLoop, collection: StoreCollection) -> None:
        self._loop = loop
        self._collection = collection

    @property
    def name(self) -> str:
        """Its name, or the alias."""
        return self._collection.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


def _passed_on(name: str, method: Any) -> Any:
    @wraps(method)
    def call(self: BlockingCollection, /, *arguments: Any, **options: Any) -> Any:
        return self._loop.run(getattr(self._collection, name), *arguments, **options)

    return call


def _each_passed_on(name: str, method: Any) -> Any:
    @wraps(method)
    def each(self: BlockingCollection, /, *arguments: Any, **options: Any) -> Iterator[Any]:
        yield from self._loop.each(getattr(self._collection, name)(*arguments, **options))

    return each


for _name in dir(StoreCollection):
    _method = getattr(StoreCollection, _name)
    if not _name.startswith("_") and isasyncgenfunction(_method):
        setattr(BlockingCollection, _name, _each_passed_on(_name, getattr(BlockingCollection, _name)))
    elif not _name.startswith("_") and iscoroutinefunction(_method):
        setattr(BlockingCollection, _name, _passed_on(_name, getattr(BlockingCollection, _name)))
