"""Whether a name still leads to the collection that it led to when a call began."""

from __future__ import annotations

import anyio

from asteroid_cloud.api.service.collections.collection import Collection
from asteroid_cloud.api.service.collections.registry import Collections
from asteroid_cloud.wal.errors import AsteroidError, Conflict, NotFound


class NameWatch:
    """Of one call that lasts."""

    def __init__(self, collections: Collections, name: str, collection: Collection) -> None:
        """``name`` is the collection's own, or an alias."""
        self._collections = collections
        self._name = name
        self._own = collection.name

    async def moved(self) -> None:
        """Returns once the name leads elsewhere, or nowhere; never for a name of the collection's own."""
        if self._name == self._own:
            await anyio.sleep_forever()
        while self.reason() is None:
            await self._collections.moved(self._name).wait()

    def reason(self) -> AsteroidError | None:
        """Why the call cannot go on: Conflict ``alias_moved``, NotFound ``no_collection``; None if it can."""
        try:
            target = self._collections.resolve(self._name)
        except NotFound as error:
            return error if self._name == self._own else self._moved()
        return None if target == self._own else self._moved()

    def _moved(self) -> Conflict:
        return Conflict(f"the alias {self._name} leads elsewhere now", code="alias_moved")
