"""Objects that callers give: their names are checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asteroid_cloud.wal.errors import InvalidRequest


def checked_object(value: object, name: str, known: frozenset[str], code: str) -> Mapping[str, Any]:
    """An object with no other names than these; raises InvalidRequest with this code."""
    if not isinstance(value, Mapping):
        raise InvalidRequest(f"{name} must be an object", code=code)
    for key in value:
        if key not in known:
            reason = f"{name} has no field {key!r:.80}, only {', '.join(sorted(known))}"
            raise InvalidRequest(reason, code=code)
    return value
