"""What ends when the client goes away before it has its answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from anyio import CancelScope

from asteroid_cloud.wal.errors import Cancelled


class Gone:
    """Of one connection; for its event loop."""

    def __init__(self) -> None:
        self._scopes: set[CancelScope] = set()
        self._is_gone = False

    @contextmanager
    def ends(self) -> Iterator[None]:
        """Cancels the block when the client goes away, and raises Cancelled then."""
        with CancelScope() as scope:
            self._scopes.add(scope)
            try:
                if self._is_gone:
                    scope.cancel()
                yield
            finally:
                self._scopes.discard(scope)
        if scope.cancelled_caught:
            raise Cancelled("the client went away")

    def tell(self) -> None:
        """The client went away."""
        self._is_gone = True
        for scope in self._scopes:
            scope.cancel()
