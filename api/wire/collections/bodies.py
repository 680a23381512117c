"""The bodies of the calls about collections and aliases."""

from __future__ import annotations

import msgspec

from asteroid_cloud.api.service.collections import AskedDefinition
from asteroid_cloud.api.wire.requests import Body


class CollectionBody(Body, frozen=True):
    """``PUT /v1/collections/{name}``; what is left out may be anything in one that is there already."""

    dim: object = msgspec.UNSET
    metric: object = msgspec.UNSET
    bits: object = msgspec.UNSET
    ids: object = msgspec.UNSET
    vector: object = msgspec.UNSET
    text: object = msgspec.UNSET

    def asked(self) -> AskedDefinition:
        """The same for the registry, which checks it."""
        return AskedDefinition(**msgspec.structs.asdict(self))


class AliasBody(Body, frozen=True):
    """``PUT /v1/aliases/{alias}``."""

    collection: object


COLLECTION, ALIAS = msgspec.json.Decoder(CollectionBody), msgspec.json.Decoder(AliasBody)
