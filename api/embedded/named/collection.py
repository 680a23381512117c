"""One collection of the store by its name: all calls of the index, each of which opens it if need be."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

from asteroid_cloud.api.embedded.changes import ChangeCalls
from asteroid_cloud.api.embedded.fields import FieldCalls
from asteroid_cloud.api.embedded.index import IndexCalls
from asteroid_cloud.api.embedded.life import Life
from asteroid_cloud.api.embedded.load import LoadCalls
from asteroid_cloud.api.embedded.mixed import MixedCalls
from asteroid_cloud.api.embedded.named.lease import Lease
from asteroid_cloud.api.embedded.search import SearchCalls
from asteroid_cloud.api.embedded.vectors import VectorCalls
from asteroid_cloud.api.service.collections import Collections
from asteroid_cloud.wal.errors import InvalidRequest

FOLLOWING = "changes"
"""The iteration that ends when its name leads elsewhere; others go on where they began."""


class OpenCollection(IndexCalls, VectorCalls, SearchCalls, FieldCalls, LoadCalls, MixedCalls, ChangeCalls):
    """All calls, on a collection that is open."""


class StoreCollection(IndexCalls, VectorCalls, SearchCalls, FieldCalls, LoadCalls, MixedCalls, ChangeCalls):
    """A collection of the store, by its name or by an alias, which each call follows anew.

    It has all calls that the store has for the collection ``default``, but those that make and delete the
    index: a collection is made and deleted as a whole. It costs nothing and holds nothing open between its
    calls. Every call may raise NotFound (``no_collection``) and Overloaded (``too_many_open``).
    """

    def __init__(self, collections: Collections, name: str, life: Life) -> None:
        if not isinstance(name, str) or not name:
            raise InvalidRequest(f"a name is a text, not {name!r:.80}", code="bad_collection_name")
        self._collections = collections
        self._name = name
        self.life = life

    @property
    def name(self) -> str:
        """Its name, or the alias."""
        return self._name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r})"


Call = Callable[..., Coroutine[Any, Any, Any]]
Supply = Callable[..., AsyncGenerator[Any, None]]


def _opening(method: Call) -> Call:
    """A call that has its collection open while it runs."""

    @wraps(method)
    async def call(self: StoreCollection, /, *arguments: Any, **options: Any) -> Any:
        with self.life.call():
            async with self._collections.use(self._name) as collection:
                return await method(OpenCollection(collection, self.life), *arguments, **options)

    return call


def _each_opening(supply: Supply) -> Supply:
    """An iteration that has its collection open from its first step to its end."""

    @wraps(supply)
    async def each(self: StoreCollection, /, *arguments: Any, **options: Any) -> AsyncGenerator[Any, None]:
        self.life.check_loop()
        async with Lease(self._collections, self._name, follows=supply.__name__ == FOLLOWING) as lease:
            values = supply(OpenCollection(lease.collection, self.life), *arguments, **options)
            async with aclosing(values):
                while True:
                    with self.life.call(), lease.step():
                        try:
                            value = await anext(values)
                        except StopAsyncIteration:
                            return
                    yield value

    return each


for _name in dir(OpenCollection):
    _method = getattr(OpenCollection, _name)
    if not _name.startswith("_") and isasyncgenfunction(_method):
        setattr(StoreCollection, _name, _each_opening(_method))
    elif not _name.startswith("_") and iscoroutinefunction(_method):
        setattr(StoreCollection, _name, _opening(_method))
