"""Changes to the file of keys: a new named key, and the end of one."""

from __future__ import annotations

import secrets

from asteroid_cloud.api.http.access.keys import Key, digest_of
from asteroid_cloud.api.http.access.keys_file import checked_grant, keys_by_line, named_line, refused
from asteroid_cloud.api.limits import KEYS_FILE_BYTES_MAX
from asteroid_cloud.wal.disk import change_named
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, NotFound

PREFIX = "ask_"
"""A key begins with it, so that one that leaks is recognised."""
KEY_BYTES = 32


def add_key(path: str, name: str, role: str, collections: tuple[str, ...] | None) -> str:
    """Adds a line for a new key and returns the key, which nothing else has.

    Raises InvalidRequest ``bad_settings`` for what no line may say or a file that is not right, Conflict
    ``key_exists``, and as ``change_named``.
    """
    text = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    try:
        grant = checked_grant(name, role, collections)
    except ValueError as error:
        raise InvalidRequest(f"a key {error}", code="bad_settings") from error
    line = named_line(Key(digest_of(text.encode()), grant))

    def added(data: bytes) -> bytes:
        if any(key.grant.name == name for key in keys_by_line(data).values()):
            raise Conflict(f"there is a key {name} already", code="key_exists")
        return (data if not data or data.endswith(b"\n") else data + b"\n") + f"{line}\n".encode()

    change_named(path, added, KEYS_FILE_BYTES_MAX)
    return text


def remove_key(path: str, name: str) -> None:
    """Removes the line of a named key.

    Raises NotFound ``no_key``, InvalidRequest ``bad_settings`` when it is the last, without which a server
    would not take the file, and as ``change_named``.
    """

    def removed(data: bytes) -> bytes:
        keys = keys_by_line(data)
        found = [number for number, key in keys.items() if key.grant.name == name]
        if not found:
            raise NotFound(f"there is no key {name!r:.80}", code="no_key")
        if len(keys) == 1:
            raise refused("it is the only key, and a server would keep it in force: make another first")
        lines = data.split(b"\n")
        del lines[found[0] - 1]
        return b"\n".join(lines)

    change_named(path, removed, KEYS_FILE_BYTES_MAX)
