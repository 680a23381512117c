"""The files of a segment: which kinds there are, how they are named, and which a segment cannot do without.

The set is open. A kind that is not required may be missing, in segments of earlier versions or because it was
damaged, and the segment opens without it. What needs a new kind to be read says so by a feature flag
(``container``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from asteroid_cloud.wal.disk import UNFINISHED, Files
from asteroid_cloud.wal.errors import CorruptionError


@dataclass(frozen=True, slots=True)
class FileKind:
    """One kind of file; a segment has one of each at the most."""

    suffix: str
    is_required: bool
    when_missing: str
    """What a segment without this file means."""


GRAPH = FileKind("graph", True, "the vectors, links and ids are lost: the segment does not open")
PAYLOAD = FileKind("payload", True, "the documents are lost: the segment does not open")
FIELDS = FileKind("fields", False, "filters read the documents; the next start rebuilds the file from them")
TEXT = FileKind("text", False, "words are not found until the file is built again from the documents")
KINDS = (GRAPH, PAYLOAD, FIELDS, TEXT)
"""In the order in which a segment's files are written."""

SEGMENT_FILE = re.compile(rf"segment-(\d{{12}})\.({'|'.join(kind.suffix for kind in KINDS)})")


SCRATCH_NUMBERS = 2**40
"""From here on: segments that only a comparison of two indexes needs, so that they meet no others."""
_SCRATCH_FILE = re.compile(rf"segment-\d{{13}}\.({'|'.join(kind.suffix for kind in KINDS)})")


def segment_path(folder: str, number: int, kind: FileKind) -> str:
    """Where the file of this kind of segment ``number`` lies."""
    return f"{folder}/segment-{number:012d}.{kind.suffix}"


def graph_path(folder: str, number: int) -> str:
    """Where the graph of segment ``number`` lies."""
    return segment_path(folder, number, GRAPH)


def payload_path(folder: str, number: int) -> str:
    """Where the payloads of segment ``number`` lie."""
    return segment_path(folder, number, PAYLOAD)


def fields_path(folder: str, number: int) -> str:
    """Where the columns of segment ``number`` lie."""
    return segment_path(folder, number, FIELDS)


def text_path(folder: str, number: int) -> str:
    """Where the text index of segment ``number`` lies."""
    return segment_path(folder, number, TEXT)


def segment_paths(folder: str, number: int) -> list[str]:
    """All files that segment ``number`` may have."""
    return [segment_path(folder, number, kind) for kind in KINDS]


def segment_number(name: str) -> int | None:
    """The number of the segment that a file of this name belongs to; None for any other file."""
    match = SEGMENT_FILE.fullmatch(name)
    return int(match[1]) if match else None


def is_scratch(name: str) -> bool:
    """Whether a file of this name is of a segment that only a comparison needed; 0.1.0 left some behind."""
    return _SCRATCH_FILE.fullmatch(name) is not None


def is_unfinished(name: str) -> bool:
    """Whether a file of this name is one that is rebuilt under a temporary name."""
    return name.endswith(UNFINISHED) and segment_number(name.removesuffix(UNFINISHED)) is not None


def check_required_files(files: Files, folder: str, number: int) -> None:
    """Raises CorruptionError when a file is missing that segment ``number`` does not open without."""
    for kind in KINDS:
        path = segment_path(folder, number, kind)
        if kind.is_required and not files.exists(path):
            raise CorruptionError(path, 0, "the file is missing")
