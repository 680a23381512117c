"""Which modules are written, from what, and in which words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops.faces.formatting import formatted
from ops.faces.passing_on import passing_on
from ops.faces.without_await import Words, without_await

COMMON = {
    "AsyncGenerator": "Generator",
    "AsyncIterator": "Iterator",
    "AsyncItems": "Items",
    "aclose": "close",
    "aclosing": "closing",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
}
GROUPS = (
    "ServerCalls",
    "IndexCalls",
    "VectorCalls",
    "SearchCalls",
    "FieldCalls",
    "LoadCalls",
    "MixedCalls",
    "ChangeCalls",
)
CLIENT = Words(
    names=COMMON
    | {f"Async{name}": name for name in ("Client", "Collection", "Calls", *GROUPS)}
    | {"aio": "sync", "AsyncTransport": "BlockingTransport"},
    phrases={"An asynchronous client": "A blocking client", "asynchronous client": "blocking client"},
)
EMBEDDED = Words(
    names=COMMON
    | {name: f"Blocking{name}" for name in ("Calls", *GROUPS)}
    | {"reads": "_reads", "calls": "blocking.calls"},
    phrases={'"""The store\'s calls': '"""The blocking store\'s calls'},
)


@dataclass(frozen=True)
class Module:
    """A module that is written, not edited."""

    source: str
    target: str
    translate: Callable[[str], str]

    def text(self, root: Path) -> str:
        """What the module has to be."""
        note = f"# Written by ops/faces from {self.source}: change that one.\n"
        return formatted(root, self.target, note + self.translate((root / self.source).read_text()))


def of_the_client(name: str) -> Module:
    """The whole module, with nothing awaited."""
    return Module(f"client/aio/{name}.py", f"client/sync/{name}.py", lambda text: without_await(text, CLIENT))


def of_the_store(name: str) -> Module:
    """The group of calls: reads with nothing awaited, all else passed on to the store's event loop."""
    module = f"asteroid_cloud.api.embedded.{name}"
    return Module(
        f"api/embedded/{name}.py",
        f"api/embedded/blocking/{name}.py",
        lambda text: without_await(passing_on(text, module), EMBEDDED),
    )


MODULES = (
    *map(of_the_client, ("calls", "server", "collection", "index", "vectors", "search")),
    *map(of_the_client, ("load", "batch_upload", "changes", "client")),
    *map(of_the_store, ("server", "index", "vectors", "search", "fields", "load", "mixed", "changes")),
)
