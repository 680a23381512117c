"""Paths as they are sent: split at each slash first, then each segment decoded once.

So a slash, a dot or a word of the API's own may be part of a value, percent-encoded: ``a%2Fpayload`` is the
id ``a/payload``.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from asteroid_cloud.wal.errors import InvalidRequest

CODES = {"id": "bad_id", "name": "bad_tag_name"}
"""What an error is called, by the parameter that is at fault."""
DOTS = (".", "..")
"""A client or a proxy may take these out of a path, so none is an id."""


def plain_bytes(segment: bytes) -> bytes:
    """A segment without percent-encoding."""
    return unquote_to_bytes(segment) if b"%" in segment else segment


def decoded(name: str, segment: bytes) -> str:
    """The value of a parameter; raises InvalidRequest for what is no UTF-8, and for an id of dots."""
    code = CODES.get(name, "bad_collection_name")
    try:
        text = plain_bytes(segment).decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the {name} in the path is not UTF-8", code=code) from error
    if name == "id" and text in DOTS:
        raise InvalidRequest(f"an id in a path must not be {text}; name it in a body", code=code)
    return text
