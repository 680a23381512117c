"""How does anything reach the disk, and how does it stay whole there?"""

from asteroid_cloud.wal.disk.atomic_write import (
    UNFINISHED,
    NewFile,
    remove_if_exists,
    rename_durably,
    write_atomic,
    write_whole,
)
from asteroid_cloud.wal.disk.files import AppendFile, FileLock, Files, ReadFile
from asteroid_cloud.wal.disk.local_files import LocalFiles
from asteroid_cloud.wal.disk.lock import LOCK_FILE, lock_directory, look_at_directory
from asteroid_cloud.wal.disk.system_errors import translated

__all__ = [
    "LOCK_FILE",
    "UNFINISHED",
    "AppendFile",
    "FileLock",
    "Files",
    "LocalFiles",
    "NewFile",
    "ReadFile",
    "lock_directory",
    "look_at_directory",
    "remove_if_exists",
    "rename_durably",
    "translated",
    "write_atomic",
    "write_whole",
]
