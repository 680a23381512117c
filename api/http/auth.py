"""Bearer keys, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

SCHEME = "bearer "


class KeyRing:
    """The keys that are accepted; only their digests are kept."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = [_digest(key.encode()) for key in keys]

    @property
    def is_open(self) -> bool:
        """Whether no key is asked for."""
        return not self._digests

    def holder(self, authorization: bytes) -> str | None:
        """A short name for the key in an Authorization header; None when it is missing or unknown.

        Every key is compared, also after one that fits, so that the time taken gives nothing away.
        """
        scheme, key = authorization[: len(SCHEME)], authorization[len(SCHEME) :]
        digest = _digest(key.strip())
        fits = [hmac.compare_digest(digest, known) for known in self._digests]
        if not any(fits) or scheme.lower() != SCHEME.encode():
            return None
        return digest.hex()[:16]


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
