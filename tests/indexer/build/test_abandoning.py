"""A build that is not wanted any more ends soon, whatever it is doing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from asteroid_cloud.indexer import EngineOptions, IndexSpec
from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.build.source import Abandoned, Source
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.memtable import Memtable
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk import AppendFile
from asteroid_cloud.wal.limits import MIB
from asteroid_cloud.wal.lsn import Lsn
from tests.support.engines import budget_of, vectors

ROWS, DIM = 6000, 384
OPTIONS = EngineOptions(links_max=4)
SPEC = IndexSpec(DIM, "l2")
IDENTITY = bytes(16)
TEXT = b'{"n":%d,"s":"%s"}'


class CountedFiles(LocalFiles):
    """Files on the disk; each write and each read is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        """Written and read since the first use of a file of the kind ``stop_at``."""
        self.stop_at = ""
        self.has_begun = False

    def note(self, kind: str, path: str, size: int) -> None:
        """Something of the file is written or read."""
        if self.has_begun:
            self.bytes += size
        self.has_begun = self.has_begun or f"{kind} {Path(path).suffix}" == self.stop_at

    def create(self, path: str) -> AppendFile:
        """A file whose writes are noted."""
        return cast(
            "AppendFile", CountedFile(super().create(path), lambda size: self.note("write", path, size))
        )

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Noted."""
        self.note("read", path, length)
        return super().read(path, offset, length)


class CountedFile:
    """A file that notes its writes."""

    def __init__(self, file: AppendFile, note: Callable[[int], None]) -> None:
        self._file = file
        self._note = note

    def write(self, data: bytes) -> None:
        """Noted."""
        self._note(len(data))
        self._file.write(data)

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


@pytest.fixture(scope="module")
def rows() -> Memtable:
    """A memtable whose segment takes some MiB in each of its files."""
    memtable = Memtable(SPEC, 0, ROWS)
    random = np.random.default_rng(1)
    texts = [TEXT % (n, random.bytes(200).hex().encode()) for n in range(ROWS)]
    memtable.append(Lsn(1), np.arange(ROWS, dtype=np.uint64), SPEC.encode(vectors(ROWS, DIM)), texts)
    return memtable


@pytest.mark.parametrize(
    "stop_at",
    ["write .graph", "write .payload", "read .payload", "write .fields", "read .graph", "read .fields"],
)
def test_files_are_abandoned_at_once_and_removed(stop_at: str, rows: Memtable, tmp_path: Path) -> None:
    files = CountedFiles()
    builder = SegmentBuilder(files, str(tmp_path), IDENTITY, OPTIONS, budget_of(OPTIONS))
    source = Source(rows, np.arange(ROWS, dtype=np.uint32))
    files.stop_at = stop_at

    def is_wanted() -> bool:
        return not files.has_begun

    def build() -> Segment:
        builder.seal(1, SPEC, [source], is_wanted)
        return builder.opened(1, SPEC, Lsn(1), is_wanted)

    with pytest.raises(Abandoned):
        build()
    assert files.bytes < 2.5 * MIB, "a piece or two"
    assert list(tmp_path.iterdir()) == []
