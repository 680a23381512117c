"""Damaged segment files are refused, or searched without harm; `make fuzz` runs many more of these cases."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import pytest
from msgspec import structs

from asteroid_cloud.indexer.segment.container import HEADER, TRAILER, read_footer
from asteroid_cloud.indexer.segment.graph_file import SegmentFooter
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import CorruptionError
from ops.fuzz import cases as fuzz
from ops.fuzz.cases import Cases
from ops.fuzz.damage import Damager, sections
from ops.fuzz.subject import Violation, ask_everything

CASES, STEP = 1000, 50


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Cases:
    return Cases(tmp_path_factory.mktemp("corrupt"))


@pytest.mark.parametrize("first", range(0, CASES, STEP))
def test_no_damage_crashes_or_goes_unseen(cases: Cases, first: int) -> None:
    outcomes = {cases.run(number) for number in range(first, first + STEP)}
    assert fuzz.REFUSED in outcomes


def test_some_of_the_damage_gets_as_far_as_a_search(cases: Cases) -> None:
    """Or the cases would show nothing but that checksums work."""
    outcomes = [cases.run(number) for number in range(CASES)]
    assert outcomes.count(fuzz.SEARCHED) >= CASES // 100
    assert outcomes.count(fuzz.REFUSED_WHEN_READ) >= 1


def test_a_case_does_the_same_every_time(cases: Cases) -> None:
    intact = cases.subjects[0].graph
    for number in range(50):
        once, again = Damager(intact, Random(number)), Damager(intact, Random(number))
        assert once.with_right_checksums() == again.with_right_checksums()
        assert once.as_it_lies() == again.as_it_lies()


def test_the_checksums_are_made_right_again(cases: Cases, tmp_path: Path) -> None:
    """Most files of that class must get past every checksum, or nothing behind these is tested."""
    right = 0
    for number in range(100):
        intact = cases.subjects[0].graph
        data = Damager(intact, Random(number)).with_right_checksums()
        length, crc, _ = TRAILER.unpack(data[-TRAILER.size :])
        body = data[-TRAILER.size - length : -TRAILER.size]
        assert crc == zlib.crc32(body, zlib.crc32(data[: HEADER.size]))
        path = tmp_path / str(number)
        path.write_bytes(data)
        try:
            footer = read_footer(LocalFiles(), str(path), intact.magic, intact.version, type(intact.footer))
        except fuzz.REFUSALS:
            continue
        right += all(
            zlib.crc32(data[section.offset : section.offset + section.length]) == section.crc
            for _, section in sections(footer)
        )
    assert right > 50


def opened_with(cases: Cases, folder: Path, data: bytes, footer: SegmentFooter) -> None:
    """Opens the first subject with another body and footer in its graph file, the footer's checksum right."""
    subject = cases.subjects[0]
    body = msgspec.msgpack.encode(footer)
    trailer = TRAILER.pack(len(body), zlib.crc32(body, zlib.crc32(data[: HEADER.size])), subject.graph.magic)
    for path, content in zip(
        subject.paths(str(folder)),
        (data + body + trailer, subject.payload.data, subject.fields.data, subject.text.data),
        strict=True,
    ):
        path.write_bytes(content)
    subject.open(str(folder))


def graph_of(cases: Cases) -> tuple[bytes, SegmentFooter]:
    """What a graph file has in front of its footer, and the footer."""
    intact = cases.subjects[0].graph
    assert isinstance(intact.footer, SegmentFooter)
    length, _, _ = TRAILER.unpack(intact.data[-TRAILER.size :])
    return intact.data[: -TRAILER.size - length], intact.footer


@pytest.mark.parametrize("offset", [-8, 2**63, 20])
def test_the_highest_level_must_lie_within_the_file_though_it_is_empty(
    cases: Cases, tmp_path: Path, offset: int
) -> None:
    data, footer = graph_of(cases)
    opened_with(cases, tmp_path, data, footer)
    *lower, highest = footer.upper
    highest = structs.replace(highest, links=structs.replace(highest.links, offset=offset))
    with pytest.raises(CorruptionError, match="outside the file"):
        opened_with(cases, tmp_path, data, structs.replace(footer, upper=[*lower, highest]))


@pytest.mark.parametrize("field", [0, 1])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_record_scaled_by_no_number_is_refused(
    cases: Cases, tmp_path: Path, field: int, value: float
) -> None:
    whole, footer = graph_of(cases)
    data = bytearray(whole)
    struct.pack_into("<f", data, footer.nodes.offset + 4 * field, value)
    crc = zlib.crc32(data[footer.nodes.offset : footer.nodes.offset + footer.nodes.length])
    footer = structs.replace(footer, nodes=structs.replace(footer.nodes, crc=crc))
    with pytest.raises(CorruptionError, match="no number"):
        opened_with(cases, tmp_path, bytes(data), footer)


def test_damage_that_goes_unseen_would_be_found(cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check must be able to fail: here damage passes for bytes as they lie that has right checksums."""
    monkeypatch.setattr(Damager, "as_it_lies", Damager.with_right_checksums)
    found = 0
    for number in range(CASES):
        try:
            cases.run(number)
        except Violation:
            found += 1
    assert found > 0


def test_an_impossible_answer_would_be_found(cases: Cases, tmp_path: Path) -> None:
    subject = cases.subjects[0]
    for path, intact in zip(subject.paths(str(tmp_path)), subject.files, strict=True):
        path.write_bytes(intact.data)
    segment = subject.open(str(tmp_path))
    assert ask_everything(segment) == subject.answers
    segment.find = lambda ids, rows: np.zeros(len(ids), np.int64)  # type: ignore[method-assign]
    with pytest.raises(Violation, match="where it is"):
        ask_everything(segment)
