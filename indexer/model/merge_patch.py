"""JSON merge-patch (RFC 7396) over payload texts."""

from __future__ import annotations

import msgspec

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


def apply_patch(target: Json, patch: Json) -> Json:
    """The target after the patch: objects merge, null deletes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result: dict[str, Json] = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = apply_patch(result.get(key), value)
    return result


def merge_payload(payload: bytes, patch: bytes) -> bytes:
    """Both are texts of JSON objects, ``payload`` maybe empty; so is the result, without spaces."""
    target = msgspec.json.decode(payload) if payload else {}
    merged = msgspec.json.encode(apply_patch(target, msgspec.json.decode(patch)))
    return b"" if merged == b"{}" else merged
