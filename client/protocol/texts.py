"""The calls about the text index."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.json import Decoder

from asteroid_cloud.client.protocol.answers import lsn_of
from asteroid_cloud.client.protocol.calls import Call, Reply, Retry, decode, new_key
from asteroid_cloud.client.protocol.routes import change
from asteroid_cloud.client.results.reports import TextInfo


class Deleted(msgspec.Struct, frozen=True):
    """The answer to a deletion: whether there was anything."""

    deleted: bool


INFO, DELETED = Decoder(TextInfo), Decoder(Deleted)


def get_text() -> Call[TextInfo]:
    """GET /v1/text."""
    return Call("GET", "/v1/text", _info)


def set_text(fields: Mapping[str, Mapping[str, str]]) -> Call[int]:
    """PUT /v1/text."""
    return change("/v1/text", {"fields": fields}, lsn_of, method="PUT")


def delete_text() -> Call[bool]:
    """DELETE /v1/text."""
    return Call("DELETE", "/v1/text", _deleted, None, new_key(), Retry.UNSENT)


def _info(reply: Reply) -> TextInfo:
    return decode(INFO, reply)


def _deleted(reply: Reply) -> bool:
    return decode(DELETED, reply).deleted
