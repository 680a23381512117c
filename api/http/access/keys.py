"""Bearer keys: compared in constant time; only their digests are kept."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

import msgspec

from asteroid_cloud.api.limits import KEY_CHARACTERS_MIN
from asteroid_cloud.api.service.access.grants import EVERYTHING, Grant

SCHEME = "bearer "


class Key(msgspec.Struct, frozen=True):
    """A key that is accepted."""

    digest: bytes
    """SHA-256 of the key."""
    grant: Grant = EVERYTHING

    @property
    def holder(self) -> str:
        """A short name for whoever has it, which gives nothing of it away."""
        return self.digest.hex()[:16]


def raw_key(text: str) -> Key:
    """A key that may do everything."""
    return Key(digest_of(text.encode()))


def raw_keys(text: str | None) -> list[Key]:
    """The same as a list, which is empty without one."""
    return [] if text is None else [raw_key(text)]


def digest_of(key: bytes) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key).digest()


class KeyRing:
    """The keys that are accepted now."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple(keys)

    @property
    def is_open(self) -> bool:
        """Whether no key is asked for."""
        return not self._keys

    def replace(self, keys: Iterable[Key]) -> None:
        """From now on these are accepted, and no others."""
        self._keys = tuple(keys)

    def find(self, authorization: bytes) -> Key | None:
        """The key in an Authorization header; None when it is missing or unknown.

        Every key is compared, also after one that fits, so that the time taken gives nothing away.
        """
        scheme, key = authorization[: len(SCHEME)], authorization[len(SCHEME) :]
        digest = digest_of(key.strip())
        keys = self._keys
        fits = [hmac.compare_digest(digest, known.digest) for known in keys]
        if not any(fits) or scheme.lower() != SCHEME.encode():
            return None
        return keys[fits.index(True)]


def what_is_wrong(key: str) -> str:
    """Why a client could not send a key, or should not have it; empty when it is good."""
    if not (key.isascii() and key.isprintable()) or " " in key:
        return "must be of printable ASCII characters, without spaces"
    if len(key) < KEY_CHARACTERS_MIN:
        return f"must have at least {KEY_CHARACTERS_MIN} characters"
    return ""
