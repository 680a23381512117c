"""Bearer keys: compared in constant time, and read from a file that could not be read in two ways.

    file    := line ("\n" line)*
    line    := "" | "#" anything | key
    key     := 16 or more printable ASCII characters, without spaces

A line that is none of these is refused by its number, never shown: it may be most of a key.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Iterable

from asteroid_cloud.api.limits import KEY_CHARACTERS_MIN, KEYS_FILE_BYTES_MAX
from asteroid_cloud.wal.disk import read_named
from asteroid_cloud.wal.errors import AsteroidError, InvalidRequest

logger = logging.getLogger(__name__)
SCHEME = "bearer "
OTHERS_MAY_READ = 0o044
COMMENT = b"#"


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


def what_is_wrong(key: str) -> str:
    """Why a client could not send a key, or should not have it; empty when it is good."""
    if not (key.isascii() and key.isprintable()) or " " in key:
        return "must be of printable ASCII characters, without spaces"
    if len(key) < KEY_CHARACTERS_MIN:
        return f"must have at least {KEY_CHARACTERS_MIN} characters"
    return ""


def read_keys(path: str) -> list[str]:
    """The keys in a file.

    Raises InvalidRequest ``bad_settings``, which names the line, for a file that is not as above, is larger
    than KEYS_FILE_BYTES_MAX, or has no key.
    """
    try:
        found = read_named(path, KEYS_FILE_BYTES_MAX)
    except (AsteroidError, OSError) as error:
        raise _refused(str(error)) from error
    keys = [key for number, line in enumerate(found.data.split(b"\n"), 1) if (key := _key(line, number))]
    if not keys:
        raise _refused("there is no key in the file")
    return keys


def warn_of_readers(path: str) -> None:
    """Says in the program's log when others may read the file."""
    if read_named(path, KEYS_FILE_BYTES_MAX).mode & OTHERS_MAY_READ:
        logger.warning("others may read the keys in %s: chmod 600 ends that", path)


def _key(line: bytes, number: int) -> str:
    """The key of a line; empty for a comment and for an empty line."""
    if not line or line.startswith(COMMENT):
        return ""
    key = line.decode("ascii", "replace")
    wrong = what_is_wrong(key)
    if line.endswith(b"\r"):
        wrong = "ends with a carriage return: lines end with a line feed alone"
    elif key.lstrip().startswith("#"):
        wrong = "is a comment that does not begin at the start of the line"
    elif wrong and "#" in key:
        wrong += "; a comment has a line of its own"
    if wrong:
        raise _refused(f"line {number} {wrong}")
    return key


def _refused(reason: str) -> InvalidRequest:
    return InvalidRequest(f"api_keys: {reason}", code="bad_settings")
