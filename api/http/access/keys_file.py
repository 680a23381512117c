"""The file of keys, which could not be read in two ways.

    file    := line ("\\n" line)*
    line    := "" | "#" anything | named | key
    named   := name ":" role [":" collection ("," collection)*] " sha256:" 64 hexadecimal digits
    name    := 1 to 64 letters, digits, dots, dashes and underscores; no two lines have the same
    role    := "read" | "write" | "admin"
    key     := 16 or more printable ASCII characters, without spaces

A named line holds the digest of a key that may do what its role says, with these collections or aliases, or
with all. A key alone may do everything. A line that is none of these is refused by its number, never shown:
it may be most of a key.
"""

from __future__ import annotations

import logging
import re

from asteroid_cloud.api.http.access.keys import Key, raw_key, what_is_wrong
from asteroid_cloud.api.limits import KEYS_FILE_BYTES_MAX
from asteroid_cloud.api.service.access.grants import ROLES, Grant, Role
from asteroid_cloud.indexer.catalog import checked_collection_name
from asteroid_cloud.wal.disk import read_named
from asteroid_cloud.wal.errors import AsteroidError, InvalidRequest

logger = logging.getLogger(__name__)
OTHERS_MAY_READ = 0o044
COMMENT = "#"
DIGEST = " sha256:"
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
HEX = re.compile(r"[0-9a-fA-F]{64}")


def read_keys(path: str) -> list[Key]:
    """The keys in a file.

    Raises InvalidRequest ``bad_settings``, which names the line, for a file that is not as above, is larger
    than KEYS_FILE_BYTES_MAX, or has no key.
    """
    keys = parsed_keys(read_bytes(path))
    if not keys:
        raise refused("there is no key in the file")
    return keys


def read_bytes(path: str) -> bytes:
    """The file as it is; raises as ``read_keys``."""
    try:
        return read_named(path, KEYS_FILE_BYTES_MAX).data
    except (AsteroidError, OSError) as error:
        raise refused(str(error)) from error


def warn_of_readers(path: str) -> None:
    """Says in the program's log when others may read the file."""
    if read_named(path, KEYS_FILE_BYTES_MAX).mode & OTHERS_MAY_READ:
        logger.warning("others may read the keys in %s: chmod 600 ends that", path)


def parsed_keys(data: bytes) -> list[Key]:
    """The keys in the text of a file; raises as ``read_keys``."""
    return list(keys_by_line(data).values())


def keys_by_line(data: bytes) -> dict[int, Key]:
    """The keys in the text of a file, by the numbers of their lines, from 1; raises as ``read_keys``."""
    found: dict[int, Key] = {}
    names: dict[str, int] = {}
    digests: dict[bytes, int] = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        key = _key(line, number)
        if key is None:
            continue
        name, is_named = key.grant.name, key.grant.name is not None
        if name is not None and names.setdefault(name, number) != number:
            raise refused(f"line {number} has the name of line {names[name]}")
        first = digests.setdefault(key.digest, number)
        if first != number and (is_named or found[first].grant.name is not None):
            raise refused(f"line {number} has the key of line {first}")
        found[number] = key
    return found


def named_line(key: Key) -> str:
    """The line of a key that has a name."""
    grant = key.grant
    limits = "" if grant.collections is None else ":" + ",".join(grant.collections)
    return f"{grant.name}:{grant.role}{limits}{DIGEST}{key.digest.hex()}"


def checked_grant(name: str, role: str, collections: tuple[str, ...] | None) -> Grant:
    """What a named line says; raises ValueError with what is wrong."""
    if not NAME.fullmatch(name):
        raise ValueError("needs a name of 1 to 64 letters, digits, dots, dashes and underscores")
    if role not in ROLES:
        raise ValueError(f"needs one of the roles {', '.join(ROLES)}")
    for collection in collections or ():
        try:
            checked_collection_name(collection)
        except InvalidRequest as error:
            raise ValueError("names a collection that can have no such name") from error
    known: Role = role
    return Grant(name, known, collections)


def _key(line: bytes, number: int) -> Key | None:
    """The key of a line; None for a comment and for an empty line."""
    text = line.decode("ascii", "replace")
    if not text or text.startswith(COMMENT):
        return None
    if text.endswith("\r"):
        raise refused(f"line {number} ends with a carriage return: lines end with a line feed alone")
    if DIGEST in text:
        return _named(text, number)
    wrong = what_is_wrong(text)
    if text.lstrip().startswith(COMMENT):
        wrong = "is a comment that does not begin at the start of the line"
    elif wrong and COMMENT in text:
        wrong += "; a comment has a line of its own"
    if wrong:
        raise refused(f"line {number} {wrong}")
    return raw_key(text)


def _named(text: str, number: int) -> Key:
    about, _, digest = text.partition(DIGEST)
    name, *rest = about.split(":")
    if len(rest) not in (1, 2):
        raise refused(f"line {number} is not NAME:ROLE[:COLLECTION,…]{DIGEST}HEX")
    if not HEX.fullmatch(digest):
        raise refused(f"line {number} needs 64 hexadecimal digits after{DIGEST}")
    try:
        grant = checked_grant(name, rest[0], tuple(rest[1].split(",")) if len(rest) == 2 else None)
    except ValueError as error:
        raise refused(f"line {number} {error}") from error
    return Key(bytes.fromhex(digest), grant)


def refused(reason: str) -> InvalidRequest:
    """The error of a file of keys."""
    return InvalidRequest(f"api_keys: {reason}", code="bad_settings")
