"""The key of a request: its header, what stands for it in the log, and a digest of the whole request."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.format import DIGEST_BYTES, KEY_BYTES, RequestKey

KEY_HEADER = "Idempotency-Key"
KEY_CHARS_MAX = 128
FOR_KEYS, FOR_DIGESTS = b"asteroid key", b"asteroid digest"


def checked_key(given: Iterable[str]) -> str | None:
    """The one key of the headers, None without one; raises InvalidRequest ``bad_idempotency_key``."""
    keys = list(given)
    if not keys:
        return None
    key = keys[0]
    if len(keys) > 1 or not 1 <= len(key) <= KEY_CHARS_MAX or not key.isascii() or not key.isprintable():
        raise InvalidRequest(
            f"{KEY_HEADER} must be 1 to {KEY_CHARS_MAX} printable ASCII characters, and there once",
            code="bad_idempotency_key",
        )
    return key


def request_key(key: str, parts: Iterable[bytes]) -> RequestKey:
    """What stands for the key, and for all that the request says.

    The digest can only be made by who knows the key, so that it tells nothing of a payload that was purged.
    """
    text = key.encode()
    digest = blake2b(digest_size=DIGEST_BYTES, key=blake2b(text, person=FOR_DIGESTS).digest())
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return RequestKey(blake2b(text, digest_size=KEY_BYTES, person=FOR_KEYS).digest(), digest.digest())
