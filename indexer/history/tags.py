"""Tags: named states of a store that it can go back to, whatever becomes of its log.

    tag := magic[8] version:u32 length:u32 crc32(magic ++ version ++ length ++ body):u32 body
    body := msgpack of Tag

A tag holds the manifest of a checkpoint; the segments that it names stay in the store's folder for as long
as the tag does. As segments never change, a tag costs nothing until merges replace them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress

import msgspec
import numpy as np

from asteroid_cloud.indexer.checkpoint.manifest import Manifest, checked_file, decode_manifest, unchecked
from asteroid_cloud.indexer.checkpoint.open import SEGMENT_FILE, unpack_dead
from asteroid_cloud.indexer.limits import TAGS_MAX
from asteroid_cloud.indexer.segment.segment import segment_paths
from asteroid_cloud.wal.disk import Files, write_atomic
from asteroid_cloud.wal.errors import Conflict, CorruptionError, InvalidRequest, NotFound, UnsupportedVersion

FOLDER = "tags"
MAGIC = b"ASTRTAG1"
UNREADABLE = (CorruptionError, UnsupportedVersion)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""No dots, so that no name is that of a file under construction."""


class Tag(msgspec.Struct, frozen=True):
    """A named state: all that records up to ``lsn`` made of the index."""

    name: str
    lsn: int
    made_ms: int
    """When it was made, in milliseconds since 1970."""
    manifest: bytes
    """A manifest file's contents."""

    def decoded(self) -> Manifest:
        """The manifest; raises CorruptionError."""
        return decode_manifest(f"the manifest of tag {self.name}", self.manifest)


class TagInfo(msgspec.Struct, frozen=True):
    """What is told of a tag."""

    name: str
    lsn: int
    made_ms: int
    """When it was made, in milliseconds since 1970."""
    vectors: int
    bytes: int
    """Of its segments; as long as they are the live ones too, they take no extra room."""


def checked_name(name: object) -> str:
    """A name that a tag may have; raises InvalidRequest ``bad_tag_name``."""
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        raise InvalidRequest(
            "a tag's name has 1 to 64 letters, digits, dashes and underscores, "
            "and begins with a letter or digit",
            code="bad_tag_name",
        )
    return name


def tag_path(store: str, name: str) -> str:
    """Where a tag lies."""
    return f"{store}/{FOLDER}/{name}"


def tag_names(files: Files, store: str) -> list[str]:
    """The names of a store's tags, sorted."""
    folder = f"{store}/{FOLDER}"
    return sorted(filter(NAME.fullmatch, files.list(folder))) if files.exists(folder) else []


def write_tag(files: Files, store: str, tag: Tag) -> None:
    """Makes a tag durable; raises Conflict ``tag_exists`` or ``too_many_tags``."""
    names, path = tag_names(files, store), tag_path(store, tag.name)
    if tag.name in names:
        raise Conflict(f"there is a tag {tag.name}", code="tag_exists")
    if len(names) >= TAGS_MAX:
        raise Conflict(f"a store has at most {TAGS_MAX} tags", code="too_many_tags")
    files.make_dirs(f"{store}/{FOLDER}")
    write_atomic(files, path, checked_file(MAGIC, msgspec.msgpack.encode(tag)))


def read_tag(files: Files, store: str, name: str) -> Tag:
    """A tag; raises NotFound ``no_tag``, CorruptionError or UnsupportedVersion."""
    path = tag_path(store, name)
    if not files.exists(path):
        raise NotFound(f"there is no tag {name}", code="no_tag")
    body = unchecked(path, MAGIC, files.read(path, 0, files.size(path)))
    try:
        tag = msgspec.msgpack.decode(body, type=Tag)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptionError(path, 0, f"the tag does not decode: {error}") from error
    if tag.name != name:
        raise CorruptionError(path, 0, f"this is tag {tag.name!r} under another's name")
    return tag


def remove_tag(files: Files, store: str, name: str) -> None:
    """Forgets a tag, durably; raises NotFound ``no_tag``."""
    path = tag_path(store, name)
    if not files.exists(path):
        raise NotFound(f"there is no tag {name}", code="no_tag")
    files.remove(path)
    files.sync_dir(f"{store}/{FOLDER}")


def info_of(files: Files, store: str, tag: Tag) -> TagInfo:
    """What is told of a tag; raises CorruptionError."""
    manifest = tag.decoded()
    paths = [path for entry in manifest.segments for path in segment_paths(f"{store}/index", entry.number)]
    size = sum(files.size(path) for path in paths if files.exists(path))
    return TagInfo(tag.name, tag.lsn, tag.made_ms, _live_rows(manifest), size)


def tags_of(files: Files, store: str) -> list[TagInfo]:
    """A store's tags, the newest first; those that do not read are left out."""
    found = []
    for name in tag_names(files, store):
        with suppress(*UNREADABLE):
            found.append(info_of(files, store, read_tag(files, store, name)))
    return sorted(found, key=lambda tag: (tag.lsn, tag.made_ms), reverse=True)


def _live_rows(manifest: Manifest) -> int:
    dead = [unpack_dead("a tag's manifest", entry.dead, entry.rows) for entry in manifest.segments]
    rows = sum(entry.rows for entry in manifest.segments)
    return rows - sum(int(np.bitwise_count(bits).sum()) for bits in dead)


def first_free_number(files: Files, store: str) -> int:
    """A number that no segment in the store's folder has, nor any after it."""
    folder = f"{store}/index"
    names = files.list(folder) if files.exists(folder) else []
    return 1 + max((int(match[1]) for name in names if (match := SEGMENT_FILE.fullmatch(name))), default=0)


def keep_tagged(files: Files, store: str, folder: str, names: Collection[str] | None = None) -> None:
    """Links the segments that tags need into another folder, which is to become the index's, durably.

    Those of all tags, or of the ``names`` given.
    """
    for name in tag_names(files, store) if names is None else names:
        with suppress(*UNREADABLE):
            for entry in read_tag(files, store, name).decoded().segments:
                for path in segment_paths(f"{store}/index", entry.number):
                    to = f"{folder}/{path.rpartition('/')[2]}"
                    if files.exists(path) and not files.exists(to):
                        files.link(path, to)
    files.sync_dir(folder)


class TaggedSegments:
    """The segments that tags need; one whose tag does not read might be any, so then none is removed.

    May be asked on any thread: what it knows is replaced as a whole.
    """

    def __init__(self, files: Files, store: str) -> None:
        self._by_name: dict[str, frozenset[int] | None] = {}
        for name in tag_names(files, store):
            try:
                self.add(read_tag(files, store, name))
            except UNREADABLE:
                self._by_name[name] = None

    def add(self, tag: Tag) -> None:
        """One more tag."""
        numbers = frozenset(entry.number for entry in tag.decoded().segments)
        self._by_name = self._by_name | {tag.name: numbers}

    def forget(self, name: str) -> None:
        """One less."""
        self._by_name = {each: held for each, held in self._by_name.items() if each != name}

    def without(self, candidates: Collection[int]) -> set[int]:
        """Those of these segments that no tag needs."""
        by_name = self._by_name
        if None in by_name.values():
            return set()
        needed = frozenset[int]().union(*(held for held in by_name.values() if held))
        return set(candidates) - needed
