"""How does anything reach the disk, and how does it stay whole there?"""

from asteroid_cloud.wal.disk.atomic_write import (
    UNFINISHED,
    NewFile,
    remove_if_exists,
    rename_durably,
    write_atomic,
    write_whole,
)
from asteroid_cloud.wal.disk.contents import read_small
from asteroid_cloud.wal.disk.files import AppendFile, FileLock, Files, ReadFile
from asteroid_cloud.wal.disk.layout import (
    BACKUP_LIST,
    CATALOG,
    DEFAULT,
    INCOMPLETE,
    INDEX,
    LOCK,
    LOG,
    LOST,
    READY,
    RETENTION,
    TAGS,
    CollectionLayout,
    StoreLayout,
    broken_indexes,
    broken_name,
    has_store,
    is_backup_of_a_collection,
    is_evidence,
    name_of,
    replaced_states,
)
from asteroid_cloud.wal.disk.local_files import LocalFiles
from asteroid_cloud.wal.disk.lock import lock_directory, look_at_directory
from asteroid_cloud.wal.disk.named_change import change_named
from asteroid_cloud.wal.disk.regular_file import NamedFile, read_named
from asteroid_cloud.wal.disk.remove_tree import remove_tree
from asteroid_cloud.wal.disk.system_errors import translated

__all__ = [
    "BACKUP_LIST",
    "CATALOG",
    "DEFAULT",
    "INCOMPLETE",
    "INDEX",
    "LOCK",
    "LOG",
    "LOST",
    "READY",
    "RETENTION",
    "TAGS",
    "UNFINISHED",
    "AppendFile",
    "CollectionLayout",
    "FileLock",
    "Files",
    "LocalFiles",
    "NamedFile",
    "NewFile",
    "ReadFile",
    "StoreLayout",
    "broken_indexes",
    "broken_name",
    "change_named",
    "has_store",
    "is_backup_of_a_collection",
    "is_evidence",
    "lock_directory",
    "look_at_directory",
    "name_of",
    "read_named",
    "read_small",
    "remove_if_exists",
    "remove_tree",
    "rename_durably",
    "replaced_states",
    "translated",
    "write_atomic",
    "write_whole",
]
