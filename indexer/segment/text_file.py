"""The text file of a segment: which words its payloads have, where, and how often.

    run := groups words postings positions lengths*

A run is the index of neighbouring rows: as many as there is memory for while it is built, and 65,536 at most.
``indexer/native/postings`` says what its sections hold. The file is written from the finished payload file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b

import msgspec

from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.container import (
    CheckWanted,
    ContainerWriter,
    Section,
    always_wanted,
    read_footer,
    read_section,
)
from asteroid_cloud.indexer.segment.payload_file import PayloadFile
from asteroid_cloud.indexer.texts.definition import TextDefinition
from asteroid_cloud.wal.disk import Files
from asteroid_cloud.wal.errors import CorruptionError

MAGIC = b"ASTRTXT1"
VERSION = 1


class LengthsEntry(msgspec.Struct, frozen=True, array_like=True):
    """How many words each row has in one field, in so many bytes each."""

    width: int
    lengths: Section


class RunEntry(msgspec.Struct, frozen=True, array_like=True):
    """One run: its first row, and its sections."""

    first: int
    rows: int
    terms: int
    groups: Section
    words: Section
    postings: Section
    positions: Section
    lengths: list[LengthsEntry]

    @property
    def sections(self) -> list[Section]:
        """All of them."""
        own = [self.groups, self.words, self.postings, self.positions]
        return [*own, *(each.lengths for each in self.lengths)]

    @property
    def places(self) -> tuple[object, ...]:
        """The same as the native core takes it."""
        parts = [(each.offset, each.length) for each in (self.words, self.postings, self.positions)]
        lengths = [(each.lengths.offset, each.width) for each in self.lengths]
        return (self.first, self.rows, self.terms, self.groups.offset, *parts, lengths)


class TextFooter(msgspec.Struct, frozen=True):
    """What a text file holds."""

    identity: bytes
    number: int
    rows: int
    text: TextDefinition
    analyser: int
    """The version of how words are found."""
    runs: list[RunEntry]


class SegmentText:
    """The text index of one segment, open."""

    def __init__(
        self, text: TextDefinition, native: core.FileTextIndex, starts: list[int], file_bytes: int
    ) -> None:
        self.starts = starts
        """The first row of each run."""
        self.text = text
        """What it is an index of."""
        self.native = native
        self.file_bytes = file_bytes


def write_text(
    files: Files,
    path: str,
    identity: bytes,
    number: int,
    rows: int,
    payloads: PayloadFile,
    text: TextDefinition,
    bytes_max: int,
    check_wanted: CheckWanted = always_wanted,
    starts: Sequence[int] = (),
) -> None:
    """Writes and syncs the text file of segment ``number``; a run takes about ``bytes_max`` of RAM.

    A run also ends where one of ``starts`` begins: with those of another file of the same payloads, and as
    much RAM, the two have the same bytes.
    """
    with ContainerWriter(files, path, MAGIC, VERSION) as writer:
        found = _runs(payloads, text, bytes_max, check_wanted, starts)
        runs = [_write_run(writer, run, first) for run, first in found]
        writer.finish(TextFooter(identity, number, rows, text, core.ANALYSER_VERSION, runs))


def _runs(
    payloads: PayloadFile,
    text: TextDefinition,
    bytes_max: int,
    check_wanted: CheckWanted,
    starts: Sequence[int],
) -> Iterator[tuple[core.GrowingRun, int]]:
    run, first = core.GrowingRun(text.native, 0), 0
    borders = [start for start in starts if start > 0]
    for texts in payloads.all_texts():
        check_wanted()
        taken = 0
        while taken < len(texts):
            room = borders[0] - first - run.rows if borders else len(texts)
            more = run.add(texts[: taken + room], taken, bytes_max)
            taken += more
            if more == 0:
                borders = borders[room == 0 :]
                yield run, first
                first += run.rows
                run = core.GrowingRun(text.native, first)
    if run.rows:
        yield run, first


def _write_run(writer: ContainerWriter, run: core.GrowingRun, first: int) -> RunEntry:
    terms, groups, words, postings, positions, lengths = run.sections()
    return RunEntry(
        first,
        run.rows,
        terms,
        writer.section([groups]),
        writer.section([words]),
        writer.section([postings]),
        writer.section([positions]),
        [LengthsEntry(width, writer.section([each])) for width, each in lengths],
    )


def open_text(
    files: Files,
    path: str,
    identity: bytes,
    number: int,
    rows: int,
    text: TextDefinition | None = None,
    check_wanted: CheckWanted = always_wanted,
) -> SegmentText | None:
    """Checks the whole file and maps it; None when it is an index of something else than ``text``.

    Without ``text`` it may be one of anything. Raises CorruptionError when it is damaged or another
    segment's, UnsupportedVersion.
    """
    footer = read_footer(files, path, MAGIC, VERSION, TextFooter)
    if (footer.identity, footer.number, footer.rows) != (identity, number, rows):
        raise CorruptionError(path, 0, "the text file belongs to another segment")
    if footer.analyser != core.ANALYSER_VERSION or (text is not None and footer.text != text):
        return None
    for run in footer.runs:
        for section in run.sections:
            for _ in read_section(files, path, section, check_wanted=check_wanted):
                pass  # read only to check it
    places, fields = [run.places for run in footer.runs], len(footer.text.fields)
    if any(
        each.width * run.rows != each.lengths.length for run in footer.runs for each in run.lengths
    ) or any(run.groups.length != 12 * -(-run.terms // 16) for run in footer.runs):
        raise CorruptionError(path, 0, "the sections' sizes do not fit the counts")
    try:
        native = core.FileTextIndex(files.real_path(path), fields, rows, places)
    except (ValueError, TypeError) as error:
        raise CorruptionError(path, 0, str(error)) from error
    return SegmentText(footer.text, native, [run.first for run in footer.runs], files.size(path))


def digest_of(files: Files, path: str) -> bytes:
    """Stands for all that a text file says; raises CorruptionError, UnsupportedVersion."""
    footer, digest = read_footer(files, path, MAGIC, VERSION, TextFooter), blake2b()
    for run in footer.runs:
        counts = [run.first, run.rows, run.terms, *(each.width for each in run.lengths)]
        digest.update(repr((counts, [section.length for section in run.sections])).encode())
        for section in run.sections:
            for piece in read_section(files, path, section):
                digest.update(piece)
    return digest.digest()
