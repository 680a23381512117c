"""The OpenAPI document: every operation of the API in plain data, as ``GET /openapi.json`` sends it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

import msgspec

from asteroid_cloud.api.openapi.descriptions import ABOUT, TAGS
from asteroid_cloud.api.openapi.paths import path_items
from asteroid_cloud.api.openapi.schema_words import Schema
from asteroid_cloud.api.openapi.schemas import components
from asteroid_cloud.api.routes.table import NAMED_ROUTES, ROUTES


@cache
def encoded() -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(document())


def document() -> Schema:
    """The document as plain data."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Asteroid Cloud",
            "version": version("asteroid-cloud"),
            "description": ABOUT,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": [{"bearer": []}],
        "paths": path_items((*ROUTES, *NAMED_ROUTES)),
        "components": {
            "schemas": components(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }
