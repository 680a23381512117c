"""Small files that are there as a whole or not at all, whatever stops their writer."""

from __future__ import annotations

from asteroid_cloud.wal.disk.files import Files

UNFINISHED = ".new"
"""Ends the name of a file that is not whole yet; what a crash leaves of that name was never in use."""


def write_atomic(files: Files, path: str, data: bytes, unfinished: str | None = None) -> None:
    """Gives a file these contents, durably and at once, in place of what it may have had.

    They are written under the name ``unfinished``, ``path`` + UNFINISHED if it is not told, synced and
    renamed, and the folder is synced. Raises NoSpace or StorageError; the file is as it was then, or new.
    """
    temporary = unfinished or path + UNFINISHED
    if files.exists(temporary):
        files.remove(temporary)
    file = files.create(temporary)
    try:
        file.write(data)
        file.sync()
    finally:
        file.close()
    files.rename(temporary, path)
    files.sync_dir(path.rpartition("/")[0])
