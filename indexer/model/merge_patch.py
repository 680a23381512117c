"""Changes of payload texts: JSON merge-patch (RFC 7396), and fields that are set or unset as they are."""

from __future__ import annotations

from collections.abc import Sequence

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


def set_fields(payload: bytes, values: bytes, unset: Sequence[Sequence[str]]) -> bytes:
    """The payload without what lies at the paths of ``unset``, then with the fields of ``values``.

    A path leads through objects; one that leads nowhere changes nothing. A field replaces the one of its
    name, whatever either holds, so that a null is stored. Texts are as those of ``merge_payload``.
    """
    target = msgspec.json.decode(payload) if payload else {}
    for path in unset:
        _remove(target, path)
    changed = msgspec.json.encode({**target, **msgspec.json.decode(values)})
    return b"" if changed == b"{}" else changed


def _remove(target: Json, path: Sequence[str]) -> None:
    for key in path[:-1]:
        if not isinstance(target, dict) or key not in target:
            return
        target = target[key]
    if isinstance(target, dict):
        target.pop(path[-1], None)
