"""The tags of a restored store: those of its source, up to where it is restored to."""

from __future__ import annotations

from asteroid_cloud.indexer.backup.file_copy import link_or_copy
from asteroid_cloud.indexer.history.tags import UNREADABLE, read_tag, tag_names
from asteroid_cloud.indexer.segment.paths import segment_paths
from asteroid_cloud.wal.disk import CollectionLayout, Files, name_of


def take_tags(files: Files, source: CollectionLayout, into: CollectionLayout, lsn: int) -> None:
    """Gives a restored store the tags up to ``lsn``; later ones belong to the history that is left.

    Those that do not read stay where they are.
    """
    files.make_dirs(into.tags)
    for name in tag_names(files, source):
        try:
            tag = read_tag(files, source, name)
            entries = tag.decoded().segments
        except UNREADABLE:
            continue
        if tag.lsn > lsn:
            continue
        paths = (path for entry in entries for path in segment_paths(source.index, entry.number))
        for path in paths:
            to = f"{into.index}/{name_of(path)}"
            if files.exists(path) and not files.exists(to):
                link_or_copy(files, path, to)
        link_or_copy(files, source.tag(name), into.tag(name))
    files.sync_dir(into.index)
    files.sync_dir(into.tags)
