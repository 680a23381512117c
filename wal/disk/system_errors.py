"""What an error of the operating system is called in the rest of the program."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from asteroid_cloud.wal.errors import NoSpace, StorageError

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def translated(action: str, path: str) -> Iterator[None]:
    """Raises an OSError of the block as NoSpace or StorageError."""
    try:
        yield
    except OSError as error:
        kind = NoSpace if error.errno in NO_SPACE else StorageError
        raise kind(f"cannot {action} {path}: {error.strerror or error}") from error
