"""A disk in memory that records every operation, so that it is known what a power cut may undo.

Data and names are separate, as they are on a disk: a write is safe once its file is synced, a name once its
folder is synced. The list of operations also has notes of what callers were told, in order.
"""

from __future__ import annotations

import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from asteroid_cloud.wal.disk.files import AppendFile
from tests.support.memory_files import MemoryAppendFile, MemoryFiles


class MappableFiles(MemoryFiles):
    """A disk in memory whose files can be mapped: a real file with the content is made on demand."""

    _copies: tempfile.TemporaryDirectory[str] | None = None

    def real_path(self, path: str) -> str:
        """A real file that holds what ``path`` holds now."""
        if MappableFiles._copies is None:
            folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
            MappableFiles._copies = tempfile.TemporaryDirectory(prefix="asteroid-", dir=folder)
        if path in self.folders:
            return MappableFiles._copies.name
        data = bytes(self._data(path))
        copy = Path(MappableFiles._copies.name) / blake2b(data, digest_size=16).hexdigest()
        if not copy.exists():
            copy.write_bytes(data)
        return str(copy)


class Op(NamedTuple):
    """One operation, or a note. ``kind`` says which of the other fields count."""

    kind: str
    """write, truncate, sync; link, rename, unlink, sync_dir; begin, ack."""
    path: str = ""
    inode: int = 0
    offset: int = 0
    data: bytes = b""
    target: str = ""
    note: int = 0

    @property
    def folder(self) -> str:
        """The folder of the name that the operation changes."""
        return self.path.rpartition("/")[0]


class RecordingFiles(MappableFiles):
    """A disk that keeps the list of operations, in order."""

    def __init__(self, contents: dict[str, bytes] | None = None) -> None:
        super().__init__(contents)
        self.ops: list[Op] = []
        self.begun_with: dict[str, bytes] = self.image()
        self._inodes: dict[str, int] = {path: number for number, path in enumerate(self.begun_with)}
        self._next_inode = len(self._inodes)

    def note(self, kind: str, number: int) -> None:
        """Notes that a caller began a call here, or was told here that it is done."""
        self.ops.append(Op(kind, note=number))

    def create(self, path: str) -> AppendFile:
        """Creates and notes it."""
        file = super().create(path)
        self._inodes[path] = self._next_inode
        self._next_inode += 1
        self.ops.append(Op("link", path, self._inodes[path]))
        assert isinstance(file, RecordedFile)
        file.inode = self._inodes[path]
        return file

    def open_append(self, path: str) -> AppendFile:
        """A file whose changes are noted."""
        return RecordedFile(self, path, self._inodes.get(path, -1))

    def rename(self, old: str, new: str) -> None:
        """Renames and notes it."""
        super().rename(old, new)
        self._inodes[new] = self._inodes.pop(old)
        self.ops.append(Op("rename", old, self._inodes[new], target=new))

    def remove(self, path: str) -> None:
        """Removes and notes it."""
        super().remove(path)
        self.ops.append(Op("unlink", path, self._inodes.pop(path)))

    def sync_dir(self, path: str) -> None:
        """Notes it."""
        super().sync_dir(path)
        self.ops.append(Op("sync_dir", path))

    def append_to(self, path: str) -> MemoryAppendFile:
        """The file itself, for the layer's own use."""
        return MemoryAppendFile(self._data(path), self._turn)


class RecordedFile:
    """A file whose writes, cuts and syncs are noted."""

    def __init__(self, files: RecordingFiles, path: str, inode: int) -> None:
        self.inode = inode
        self._files = files
        self._file = files.append_to(path)

    @property
    def size(self) -> int:
        """Its bytes."""
        return self._file.size

    def write(self, data: bytes | memoryview) -> None:
        """Writes and notes it."""
        offset = self._file.size
        self._file.write(data)
        self._files.ops.append(Op("write", inode=self.inode, offset=offset, data=bytes(data)))

    def sync(self) -> None:
        """Notes it."""
        self._file.sync()
        self._files.ops.append(Op("sync", inode=self.inode))

    def truncate(self, size: int) -> None:
        """Cuts and notes it."""
        self._file.truncate(size)
        self._files.ops.append(Op("truncate", inode=self.inode, offset=size))

    def close(self) -> None:
        """Closes; no data depends on it."""
        self._file.close()
