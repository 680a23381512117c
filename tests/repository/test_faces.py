"""The four faces of a store have the same calls: names, parameters, defaults, annotations and docstrings."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import pytest

from asteroid_cloud.api import BlockingStore, Store
from asteroid_cloud.client import AsyncClient, Client

WAITING = {
    "AsyncItems": "Items",
    "AsyncCollection": "Collection",
    "StoreCollection": "BlockingCollection",
    "AsyncIterator[": "Iterator[",
    "AsyncGenerator[Change, None]": "Generator[Change, None, None]",
}
"""What a type is called where calls block."""
ONE_FACE_ONLY = {
    Store: {
        "open": "a store can be looked at while it recovers; the other faces wait",
        "ensure_index": "what opening with a dimension does",
        "served": "what the calls work on, in the store's event loop",
        "engine": "what the calls work on, in the store's event loop",
        "reads": "what the calls work on, in the store's event loop",
        "aclose": "the name that contextlib.aclosing calls",
    },
    BlockingStore: {"close": "the name that contextlib.closing calls"},
    AsyncClient: {"aclose": "the name that contextlib.aclosing calls"},
    Client: {"close": "the name that contextlib.closing calls"},
}
ONE_SIDE_ONLY = {
    "backups": "a server has a folder of backups; an embedded store writes where it is told",
    "base_url": "only a client has one",
    "key": "only a client has one",
    "path": "only a store has one",
}
PARAMETERS_APART = {
    "backup": "a server is given a name, as where it writes is for its operator to decide",
    "bulk_build": "a client has a time limit for the call",
    "create_index": "a client leaves the default of bits to the server",
    "purge": "a client has a time limit for the call",
    "__init__": "a client is made from an address, a store by open",
}
TYPES_APART = {"TagInfo": "Tag", "BlockingCollection": "Collection"}
"""Results of one meaning with a struct for each side; those of one name are compared by their names."""


@dataclass(frozen=True)
class Method:
    """What a caller sees of a method."""

    parameters: tuple[tuple[str, object, object, str], ...]
    returns: str
    doc: str

    @property
    def summary(self) -> str:
        """The docstring's first paragraph."""
        return self.doc.partition("\n\n")[0]


def blocking(annotation: object) -> str:
    """The annotation as a blocking face has it."""
    text = str(annotation)
    for name, other in WAITING.items():
        text = text.replace(name, other)
    return text


def methods(face: type) -> dict[str, Method]:
    """The public methods of a face that are not declared to be its own."""
    found = {}
    for name, method in inspect.getmembers(face, inspect.isfunction):
        if name.startswith("_") or name in ONE_FACE_ONLY.get(face, {}):
            continue
        signature = inspect.signature(method)
        parameters = tuple(
            (each.name, each.kind, each.default, blocking(each.annotation))
            for each in signature.parameters.values()
        )
        found[name] = Method(parameters, blocking(signature.return_annotation), inspect.getdoc(method) or "")
    return found


def public(face: type) -> set[str]:
    return {name for name in dir(face) if not name.startswith("_")} - ONE_FACE_ONLY.get(face, {}).keys()


@pytest.mark.parametrize(("awaited", "blocked"), [(Store, BlockingStore), (AsyncClient, Client)])
def test_the_blocking_face_is_the_asynchronous_one(awaited: type, blocked: type) -> None:
    assert public(awaited) == public(blocked)
    ours, theirs = methods(awaited), methods(blocked)
    for name in ours:
        assert ours[name] == theirs[name], name


def test_both_sides_have_the_same_methods() -> None:
    assert public(Store) ^ public(AsyncClient) == ONE_SIDE_ONLY.keys()


@pytest.mark.parametrize("name", sorted(public(Store) & public(AsyncClient)))
def test_a_method_is_the_same_on_both_sides(name: str) -> None:
    embedded, client = methods(Store)[name], methods(AsyncClient)[name]
    if name in PARAMETERS_APART:
        assert embedded.parameters != client.parameters, f"{name} is no exception any more"
        return
    assert embedded.parameters == client.parameters
    returns = embedded.returns
    for type_name, other in TYPES_APART.items():
        returns = returns.replace(type_name, other)
    assert returns == client.returns
    assert embedded.summary == client.summary


def test_every_method_is_described() -> None:
    for face in (Store, BlockingStore, AsyncClient, Client):
        for name, method in methods(face).items():
            assert method.doc, f"{face.__name__}.{name}"


def test_every_exception_is_needed() -> None:
    for face, names in ONE_FACE_ONLY.items():
        assert names.keys() <= set(dir(face)), face
    assert PARAMETERS_APART.keys() - {"__init__"} <= public(Store) & public(AsyncClient)
