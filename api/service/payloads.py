"""Payload texts: what a JSON object must be like before it may be stored.

Every stored payload has passed ``checked_text``, so code that reads payloads back may rely on it that each
is a JSON object that can be decoded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec
import numpy as np

from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import PAYLOAD_DEPTH_MAX

_OBJECT = msgspec.json.Decoder(dict[str, Any])
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_STEPS = np.zeros(256, np.int8)
"""How many levels deeper each byte leads."""
_STEPS[list(b"{[")], _STEPS[list(b"}]")] = 1, -1


def checked_text(text: bytes, bytes_max: int) -> bytes:
    """The JSON text of a payload, as it is to be stored: b"" for an empty object.

    Raises InvalidRequest ``bad_payload`` unless it is an object within the limits of size, ``bytes_max``, and
    of depth.
    """
    if len(text) > bytes_max:
        _refuse(f"has at most {bytes_max} bytes of JSON (payload_bytes_max), this one {len(text)}")
    if _may_be_deep(text) and _depth(text) > PAYLOAD_DEPTH_MAX:
        _refuse(f"is at most {PAYLOAD_DEPTH_MAX} levels deep")
    try:
        decoded = _OBJECT.decode(text)
    except msgspec.ValidationError as error:
        _refuse(f"must be a JSON object: {error}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _refuse(f"is not JSON: {error}")
    return text if decoded else b""


def payload_text(payload: object, bytes_max: int) -> bytes:
    """A mapping as the text to be stored, at most ``bytes_max``; raises InvalidRequest ``bad_payload``."""
    if not isinstance(payload, Mapping):
        _refuse(f"must be a mapping, not {type(payload).__name__}")
    try:
        return checked_text(_TO_JSON.encode(payload).encode(), bytes_max)
    except (TypeError, ValueError, RecursionError) as error:  # no JSON type, NaN, half a surrogate, a cycle
        _refuse(f"cannot be written as JSON: {str(error).encode('ascii', 'backslashreplace').decode()}")


def payload_value(text: bytes) -> dict[str, Any]:
    """A stored payload as a dict; ``{}`` for b""."""
    return _OBJECT.decode(text) if text else {}


def _refuse(reason: str) -> NoReturn:
    raise InvalidRequest(f"a payload {reason}", code="bad_payload")


def _may_be_deep(text: bytes) -> bool:
    return text.count(b"{") + text.count(b"[") > PAYLOAD_DEPTH_MAX


def _depth(text: bytes) -> int:
    """Levels of nesting; brackets within strings do not count."""
    steps = _STEPS[np.frombuffer(_STRING.sub(b"", text), np.uint8)]
    return max(0, int(np.cumsum(steps, dtype=np.int32).max(initial=0)))


def _plain(value: object) -> object:
    """What JSON knows in place of a value that it does not: numpy scalars, dates, UUIDs, structs."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    return msgspec.to_builtins(value)


_TO_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
