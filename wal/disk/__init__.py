"""How does anything reach the disk, and how does it stay whole there?"""

from asteroid_cloud.wal.disk.atomic_write import UNFINISHED, write_atomic
from asteroid_cloud.wal.disk.files import FileLock, Files, LocalFiles, ReadFile, translated
from asteroid_cloud.wal.disk.lock import NAME, lock_directory

__all__ = [
    "NAME",
    "UNFINISHED",
    "FileLock",
    "Files",
    "LocalFiles",
    "ReadFile",
    "lock_directory",
    "translated",
    "write_atomic",
]
