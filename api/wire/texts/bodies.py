"""The body of the call that says which fields are indexed as text."""

from __future__ import annotations

import msgspec

from asteroid_cloud.api.wire.requests import Body


class TextBody(Body, frozen=True):
    """``PUT /v1/text``."""

    fields: object


TEXT = msgspec.json.Decoder(TextBody)
