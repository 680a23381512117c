"""Garbage: files of an index that neither its newest manifest nor a tag names, and their removal."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from asteroid_cloud.indexer.checkpoint.manifest import NAME as MANIFEST_NAME
from asteroid_cloud.indexer.checkpoint.manifest import TEMPORARY, Manifest, manifest_name
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.paths import is_scratch, is_unfinished, segment_number
from asteroid_cloud.wal.disk import Files


class RetainedSegments(Protocol):
    """Who needs segments beyond the newest manifest: the tags."""

    def without(self, candidates: Collection[int]) -> set[int]:
        """Those of these segments that none of them needs; may be called on any thread."""
        ...


def remove_garbage(files: Files, folder: str, manifest: Manifest | None, retained: RetainedSegments) -> None:
    """Removes all garbage of an index while nothing is being built."""
    name = None if manifest is None else manifest_name(manifest.number)
    named = set() if manifest is None else {entry.number for entry in manifest.segments}
    _remove_unfinished(files, folder)
    remove_orphans(files, folder, name, named, retained)


def remove_orphans(
    files: Files,
    folder: str,
    manifest: str | None,
    needed: set[int],
    retained: RetainedSegments,
    below: int | None = None,
) -> None:
    """Removes manifests but ``manifest``, and the files of segments that are neither needed nor retained.

    Segments numbered ``below`` or higher are left alone: they were begun after the caller looked.
    """
    names = files.list(folder)
    numbers = {name: number for name in names if (number := segment_number(name)) is not None}
    candidates = {n for n in numbers.values() if n not in needed and (below is None or n < below)}
    orphans = retained.without(candidates)
    for name in names:
        is_old_manifest = name == TEMPORARY or (
            MANIFEST_NAME.fullmatch(name) is not None and name != manifest
        )
        if is_old_manifest or numbers.get(name) in orphans:
            files.remove(f"{folder}/{name}")


def _remove_unfinished(files: Files, folder: str) -> None:
    """Removes column files that a crash has left unfinished, and scratch files: none of them counts."""
    for name in files.list(folder):
        if is_unfinished(name) or is_scratch(name) or name.startswith(core.SCRATCH_PREFIX):
            files.remove(f"{folder}/{name}")
