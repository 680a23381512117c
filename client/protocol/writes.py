"""The routes that write many rows at once; as ``routes``."""

from __future__ import annotations

from asteroid_cloud.client.protocol.answers import inserted_of
from asteroid_cloud.client.protocol.calls import Call, Retry, new_key
from asteroid_cloud.client.protocol.routes import JSON
from asteroid_cloud.client.results.rows import Inserted


def insert_batch(body: bytes) -> Call[Inserted]:
    """POST /v1/vectors/batch with an encoded body."""
    return Call("POST", "/v1/vectors/batch", inserted_of, body, JSON | new_key(), Retry.UNSENT)
