"""The segments that tags need: which they are while a store is open, and linking them elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from asteroid_cloud.indexer.history.tags import UNREADABLE, Tag, read_tag, tag_names
from asteroid_cloud.indexer.segment.paths import segment_paths
from asteroid_cloud.wal.disk import CollectionLayout, Files, name_of


class TaggedSegments:
    """The segments that tags need; one whose tag does not decode might be any, so then none is removed.

    May be called on any thread: what it knows is replaced as a whole.
    """

    def __init__(self, files: Files, layout: CollectionLayout) -> None:
        self._by_name: dict[str, frozenset[int] | None] = {}
        for name in tag_names(files, layout):
            try:
                self.add(read_tag(files, layout, name))
            except UNREADABLE:
                self._by_name[name] = None

    def add(self, tag: Tag) -> None:
        """One more tag."""
        numbers = frozenset(entry.number for entry in tag.decoded().segments)
        self._by_name = self._by_name | {tag.name: numbers}

    def discard(self, name: str) -> None:
        """One tag less."""
        self._by_name = {each: needed for each, needed in self._by_name.items() if each != name}

    def without(self, candidates: Collection[int]) -> set[int]:
        """Those of these segments that no tag needs."""
        by_name = self._by_name
        if None in by_name.values():
            return set()
        needed = frozenset[int]().union(*(numbers for numbers in by_name.values() if numbers))
        return set(candidates) - needed


def link_tagged_segments(
    files: Files, layout: CollectionLayout, folder: str, names: Collection[str] | None = None
) -> None:
    """Links the segments that tags need into another folder, which is to become the index's, durably.

    Those of all tags, or of the ``names`` given.
    """
    for name in tag_names(files, layout) if names is None else names:
        with suppress(*UNREADABLE):
            for entry in read_tag(files, layout, name).decoded().segments:
                for path in segment_paths(layout.index, entry.number):
                    to = f"{folder}/{name_of(path)}"
                    if files.exists(path) and not files.exists(to):
                        files.link(path, to)
    files.sync_dir(folder)
