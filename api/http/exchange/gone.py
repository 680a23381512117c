"""What ends when the client goes away before it has its answer."""

from __future__ import annotations

from types import TracebackType

from anyio import CancelScope

from asteroid_cloud.wal.errors import Cancelled


class Gone:
    """Of one connection; for its event loop."""

    def __init__(self) -> None:
        self.scopes: set[CancelScope] = set()
        self.is_gone = False

    def ends(self) -> Ending:
        """A block that is cancelled when the client goes away, and raises Cancelled then."""
        return Ending(self)

    def tell(self) -> None:
        """The client went away."""
        self.is_gone = True
        for scope in self.scopes:
            scope.cancel()


class Ending:
    """One block that ends with its client."""

    def __init__(self, gone: Gone) -> None:
        self._gone = gone
        self._scope = CancelScope()

    def __enter__(self) -> None:
        self._scope.__enter__()
        self._gone.scopes.add(self._scope)
        if self._gone.is_gone:
            self._scope.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Raises Cancelled in the place of the cancellation."""
        self._gone.scopes.discard(self._scope)
        is_over = bool(self._scope.__exit__(kind, error, trace))
        if self._scope.cancelled_caught:
            raise Cancelled("the client went away")
        return is_over
