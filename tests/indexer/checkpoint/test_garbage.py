"""Garbage goes, and nothing else: not what a manifest or a tag names, and no file of somebody else."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from asteroid_cloud.indexer.checkpoint.garbage import remove_garbage, remove_orphans
from asteroid_cloud.indexer.checkpoint.manifest import TEMPORARY, Manifest, SegmentEntry, manifest_name
from asteroid_cloud.indexer.checkpoint.segment_numbers import SegmentNumbers, first_free_number
from asteroid_cloud.indexer.segment.paths import SCRATCH_NUMBERS
from tests.support.faulty_files import MemoryFiles

FOLDER = "data/index"


class Retained:
    """Some segments that tags need."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = set(numbers)

    def without(self, candidates: Collection[int]) -> set[int]:
        """The others."""
        return set(candidates) - self.numbers


def segment(number: int, kind: str = "graph") -> str:
    return f"segment-{number:012d}.{kind}"


def disk(*names: str) -> MemoryFiles:
    return MemoryFiles({f"{FOLDER}/{name}": b"x" for name in names})


def manifest(number: int, *segments: int) -> Manifest:
    entries = [SegmentEntry(each, 1, b"") for each in segments]
    return Manifest(
        identity=bytes(16), number=number, applied_lsn=1, spec=None, next_segment=9, segments=entries
    )


def test_what_nobody_names_goes_when_a_store_is_opened() -> None:
    kept = {manifest_name(2), segment(1), segment(2), segment(1, "fields"), "notes.txt"}
    gone = {manifest_name(1), TEMPORARY, segment(3), segment(3, "payload"), segment(1, "fields") + ".new"}
    gone |= {segment(SCRATCH_NUMBERS), segment(SCRATCH_NUMBERS + 1, "payload")}
    files = disk(*kept, *gone)
    remove_garbage(files, FOLDER, manifest(2, 1), Retained(2))
    assert set(files.list(FOLDER)) == kept


@pytest.mark.parametrize("below", [4, None])
def test_segments_that_were_begun_later_are_left_alone(below: int | None) -> None:
    files = disk(manifest_name(1), segment(1), segment(3), segment(5))
    remove_orphans(files, FOLDER, manifest_name(1), {1}, Retained(), below)
    later = [] if below is None else [segment(5)]
    assert sorted(files.list(FOLDER)) == sorted([manifest_name(1), segment(1), *later])


def test_a_number_is_free_behind_all_that_have_a_file() -> None:
    assert first_free_number(disk(segment(7, "payload"), segment(2)), FOLDER) == 8
    assert first_free_number(MemoryFiles(), FOLDER) == 1


def test_numbers_are_given_out_once_and_seen_while_in_use() -> None:
    numbers = SegmentNumbers(5)
    with numbers.begun() as first, numbers.begun() as second:
        assert (first, second) == (5, 6)
        assert numbers.seen() == (7, frozenset({5, 6}))
    assert numbers.seen() == (7, frozenset())
