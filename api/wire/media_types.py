"""The media types of bodies and answers."""

from __future__ import annotations

JSON = "application/json"
LINES = "application/x-ndjson"
"""JSON Lines, as the change feed sends them."""
EVENTS = "text/event-stream"
"""Server-sent events, as the change feed sends them to browsers."""
BYTES = "application/octet-stream"
TEXT = "text/plain"
METRICS = "text/plain; version=0.0.4"
"""The Prometheus text format; the framework adds the charset."""
