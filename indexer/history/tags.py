"""Tags: named states that a store can be restored to, whatever becomes of its log.

    tag := magic[8] version:u32 length:u32 crc32(magic ++ version ++ length ++ body):u32 body
    body := msgpack of Tag

A tag holds the manifest of a checkpoint; the segments that it names stay in the store's folder for as long
as the tag does. As segments never change, a tag takes no room of its own until merges replace them.
"""

from __future__ import annotations

import re
from contextlib import suppress

import msgspec
import numpy as np

from asteroid_cloud.indexer.checkpoint.deleted_rows import unpack_deleted
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, checked_file, decode_manifest, unchecked
from asteroid_cloud.indexer.limits import TAG_BYTES_MAX, TAGS_MAX
from asteroid_cloud.indexer.segment.paths import segment_paths
from asteroid_cloud.wal.disk import CollectionLayout, Files, read_small, write_atomic
from asteroid_cloud.wal.errors import Conflict, CorruptionError, InvalidRequest, NotFound, UnsupportedVersion

MAGIC = b"ASTRTAG1"
UNREADABLE = (CorruptionError, UnsupportedVersion)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""No dots, so that no name is that of a file under construction."""


class Tag(msgspec.Struct, frozen=True):
    """A named state: all that records up to ``lsn`` made of the index."""

    name: str
    lsn: int
    made_ms: int
    """When it was created, in milliseconds since 1970."""
    manifest: bytes
    """A manifest file's contents."""

    def decoded(self) -> Manifest:
        """The manifest; raises CorruptionError."""
        return decode_manifest(f"the manifest of tag {self.name}", self.manifest)


class TagInfo(msgspec.Struct, frozen=True):
    """A tag as it is shown to users."""

    name: str
    lsn: int
    made_ms: int
    """When it was created, in milliseconds since 1970."""
    vectors: int
    bytes: int
    """Of its segments; as long as the live index has them too, they take no extra room."""


def checked_name(name: object) -> str:
    """A name that a tag may have; raises InvalidRequest ``bad_tag_name``."""
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        raise InvalidRequest(
            "a tag's name has 1 to 64 letters, digits, dashes and underscores, "
            "and begins with a letter or digit",
            code="bad_tag_name",
        )
    return name


def tag_names(files: Files, layout: CollectionLayout) -> list[str]:
    """The names of a store's tags, sorted."""
    names = files.list(layout.tags) if files.exists(layout.tags) else []
    return sorted(filter(NAME.fullmatch, names))


def write_tag(files: Files, layout: CollectionLayout, tag: Tag) -> None:
    """Makes a tag durable; raises Conflict ``tag_exists`` or ``too_many_tags``."""
    names, path = tag_names(files, layout), layout.tag(tag.name)
    if tag.name in names:
        raise Conflict(f"there is a tag {tag.name}", code="tag_exists")
    if len(names) >= TAGS_MAX:
        raise Conflict(f"a store has at most {TAGS_MAX} tags", code="too_many_tags")
    files.make_dirs(layout.tags)
    write_atomic(files, path, checked_file(MAGIC, msgspec.msgpack.encode(tag)))


def read_tag(files: Files, layout: CollectionLayout, name: str) -> Tag:
    """A tag; raises NotFound ``no_tag``, CorruptionError or UnsupportedVersion."""
    path = layout.tag(name)
    if not files.exists(path):
        raise NotFound(f"there is no tag {name}", code="no_tag")
    body = unchecked(path, MAGIC, read_small(files, path, TAG_BYTES_MAX))
    try:
        tag = msgspec.msgpack.decode(body, type=Tag)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptionError(path, 0, f"the tag does not decode: {error}") from error
    if tag.name != name:
        raise CorruptionError(path, 0, f"this is tag {tag.name!r} under another's name")
    return tag


def remove_tag(files: Files, layout: CollectionLayout, name: str) -> None:
    """Removes a tag, durably; raises NotFound ``no_tag``."""
    path = layout.tag(name)
    if not files.exists(path):
        raise NotFound(f"there is no tag {name}", code="no_tag")
    files.remove(path)
    files.sync_dir(layout.tags)


def info_of(files: Files, layout: CollectionLayout, tag: Tag) -> TagInfo:
    """A tag as it is shown to users; raises CorruptionError."""
    manifest = tag.decoded()
    paths = [path for entry in manifest.segments for path in segment_paths(layout.index, entry.number)]
    size = sum(files.size(path) for path in paths if files.exists(path))
    return TagInfo(tag.name, tag.lsn, tag.made_ms, _live_rows(manifest), size)


def tags_of(files: Files, layout: CollectionLayout) -> list[TagInfo]:
    """A store's tags, the newest first; those that do not decode are left out."""
    found = []
    for name in tag_names(files, layout):
        with suppress(*UNREADABLE):
            found.append(info_of(files, layout, read_tag(files, layout, name)))
    return sorted(found, key=lambda tag: (tag.lsn, tag.made_ms), reverse=True)


def _live_rows(manifest: Manifest) -> int:
    dead = [unpack_deleted("a tag's manifest", entry.dead, entry.rows) for entry in manifest.segments]
    rows = sum(entry.rows for entry in manifest.segments)
    return rows - sum(int(np.bitwise_count(bits).sum()) for bits in dead)
