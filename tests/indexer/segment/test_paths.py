"""Names of a segment's files, and what it does not open without."""

from __future__ import annotations

import pytest

from asteroid_cloud.indexer.segment.paths import (
    KINDS,
    FileKind,
    check_required_files,
    is_unfinished,
    segment_number,
    segment_path,
    segment_paths,
)
from asteroid_cloud.wal.errors import CorruptionError
from tests.support.faulty_files import MemoryFiles

KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.suffix)


@KIND
def test_a_name_tells_the_segment(kind: FileKind) -> None:
    name = segment_path("folder", 7, kind).removeprefix("folder/")
    assert name == f"segment-000000000007.{kind.suffix}"
    assert segment_number(name) == 7
    assert is_unfinished(f"{name}.new")
    assert not is_unfinished(name)


@pytest.mark.parametrize(
    "name", ["manifest-000000000001", "segment-1.graph", "segment-000000000001.txt", "segment-000000000001"]
)
def test_other_names_belong_to_no_segment(name: str) -> None:
    assert segment_number(name) is None
    assert not is_unfinished(f"{name}.new")


@KIND
def test_only_a_required_file_must_be_there(kind: FileKind) -> None:
    missing = segment_path("folder", 1, kind)
    files = MemoryFiles({path: b"" for path in segment_paths("folder", 1) if path != missing})
    if kind.is_required:
        with pytest.raises(CorruptionError, match="missing") as error:
            check_required_files(files, "folder", 1)
        assert error.value.path == missing
    else:
        check_required_files(files, "folder", 1)
