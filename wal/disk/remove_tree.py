"""Removing a folder with all that is in it."""

from __future__ import annotations

from asteroid_cloud.wal.disk.files import Files


def remove_tree(files: Files, path: str) -> int:
    """Removes a file, or a folder with all that is in it; how many files that were."""
    if not files.is_dir(path):
        files.remove(path)
        return 1
    removed = sum(remove_tree(files, f"{path}/{name}") for name in files.list(path))
    files.remove_dir(path)
    return removed
