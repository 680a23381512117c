"""All that a folder holds, with bytes and times, and folders that cannot be written to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

StoreImage = dict[str, tuple[int, int, bytes]]
"""Each path below a folder, with its mode, its time of change in nanoseconds, and its bytes."""


def image_of(folder: Path) -> StoreImage:
    """All that is in a folder, the folders in it too."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        stat = path.stat()
        data = path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (stat.st_mode, stat.st_mtime_ns, data)
    return found


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Takes the permission to write away from a folder, and from all in it, while the block runs."""
    paths = [folder, *sorted(folder.rglob("*"))]
    modes = {path: path.stat().st_mode for path in paths}
    for path in reversed(paths):
        os.chmod(path, modes[path] & ~0o222)
    try:
        yield
    finally:
        for path in paths:
            os.chmod(path, modes[path])
