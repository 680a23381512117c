"""The calls about collections and aliases, and any call of the index as one of a collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from msgspec.json import Decoder

from asteroid_cloud.client.errors import InvalidRequest
from asteroid_cloud.client.protocol.calls import Call, Reply, Retry, check, decode, new_key
from asteroid_cloud.client.protocol.routes import change, without_none
from asteroid_cloud.client.results.server import CollectionInfo, Definition

T = TypeVar("T")
API = "/v1/"


class Listed(msgspec.Struct, frozen=True):
    """The answer to a list of collections."""

    collections: list[CollectionInfo]


class Alias(msgspec.Struct, frozen=True):
    """An alias, and where it leads."""

    alias: str
    collection: str


class ListedAliases(msgspec.Struct, frozen=True):
    """The answer to a list of aliases."""

    aliases: list[Alias]


class Deleted(msgspec.Struct, frozen=True):
    """The answer to a deletion: whether there was anything."""

    deleted: bool


DEFINITION, LISTED = Decoder(Definition), Decoder(Listed)
LISTED_ALIASES, DELETED = Decoder(ListedAliases), Decoder(Deleted)


def path_of(kind: str, name: str) -> str:
    """Where a collection or an alias is."""
    if not isinstance(name, str) or not name:
        raise InvalidRequest(f"a name is a text, not {name!r:.80}", code="bad_collection_name")
    return f"{API}{kind}/{quote(name, safe='')}"


def of_collection(call: Call[T], path: str) -> Call[T]:
    """A call of the index as one of the collection that lies under a path; others as they are."""
    if not call.path.startswith(API):
        return call
    return replace(call, path=f"{path}/{call.path.removeprefix(API)}")


def create_collection(
    name: str,
    dim: int | None,
    metric: str | None,
    bits: int | None,
    ids: str | None,
    vector: str | None,
    text: Mapping[str, Any] | None = None,
) -> Call[Definition]:
    """PUT /v1/collections/{name}."""
    body = without_none(dim=dim, metric=metric, bits=bits, ids=ids, vector=vector, text=text)
    return change(path_of("collections", name), body, _definition, method="PUT")


def collections() -> Call[list[CollectionInfo]]:
    """GET /v1/collections."""
    return Call("GET", "/v1/collections", _collections)


def delete_collection(name: str) -> Call[bool]:
    """DELETE /v1/collections/{name}."""
    path = path_of("collections", name)
    return Call("DELETE", path, _deleted, None, new_key(), Retry.UNSENT)


def set_alias(alias: str, collection: str) -> Call[None]:
    """PUT /v1/aliases/{alias}."""
    return change(path_of("aliases", alias), {"collection": collection}, check, method="PUT")


def aliases() -> Call[dict[str, str]]:
    """GET /v1/aliases."""
    return Call("GET", "/v1/aliases", _aliases)


def delete_alias(alias: str) -> Call[bool]:
    """DELETE /v1/aliases/{alias}."""
    return Call("DELETE", path_of("aliases", alias), _deleted, None, new_key(), Retry.UNSENT)


def _definition(reply: Reply) -> Definition:
    return decode(DEFINITION, reply)


def _collections(reply: Reply) -> list[CollectionInfo]:
    return decode(LISTED, reply).collections


def _aliases(reply: Reply) -> dict[str, str]:
    return {each.alias: each.collection for each in decode(LISTED_ALIASES, reply).aliases}


def _deleted(reply: Reply) -> bool:
    return decode(DELETED, reply).deleted
