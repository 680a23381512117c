"""Segment, payload and manifest files: whole ones open, damaged and foreign ones are refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from asteroid_cloud.indexer import EngineOptions, IndexSpec
from asteroid_cloud.indexer.build.builder import SegmentBuilder, Source
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, SegmentEntry, read_manifest, write_manifest
from asteroid_cloud.indexer.segment.container import ContainerWriter, load_section, read_footer
from asteroid_cloud.indexer.segment.graph_file import MAGIC, VERSION, SegmentFooter, UpperSection
from asteroid_cloud.indexer.segment.paths import graph_path, payload_path
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.memtable import Memtable
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import CorruptionError, UnsupportedVersion
from asteroid_cloud.wal.lsn import Lsn
from tests.support.engines import budget_of, vectors

FILES = LocalFiles()
IDENTITY = bytes(range(16))
SPEC = IndexSpec(8, "l2")
ROWS = 60
KINDS = {
    "plain": SPEC,
    "strings": IndexSpec(8, "l2", id_kind="string"),
    "bare": IndexSpec(8, "l2", vector_need="optional"),
    "bare strings": IndexSpec(8, "l2", id_kind="string", vector_need="optional"),
}
"""Of what a segment may hold; see ``build_of_kind``."""


def build(folder: Path, number: int = 1, rows: int = ROWS, identity: bytes = IDENTITY) -> list[bytes]:
    """A segment of ``rows`` rows; gives the payloads by id."""
    payloads = [b'{"id":%d,"text":"%s"}' % (row, b"x" * row) if row % 3 else b"" for row in range(rows)]
    block = Memtable(SPEC, 0, rows)
    ids = np.arange(rows, dtype=np.uint64) * 7
    block.append(Lsn(1), ids, SPEC.encode(vectors(rows, 8)), payloads)
    options = EngineOptions(links_max=4, ef_construction=30)
    builder = SegmentBuilder(FILES, str(folder), identity, options, budget_of(options))
    source = Source(block, np.arange(rows, dtype=np.uint32))
    assert builder.seal(number, SPEC, [source], lambda: True) == number
    return payloads


def build_of_kind(folder: Path, spec: IndexSpec, rows: int) -> None:
    """A segment of that kind; where rows need no vector, each third has none."""
    block, bare = Memtable(spec, 0, rows), np.arange(rows) % 3 == 1
    numbers = range(0, 7 * rows, 7)
    ids = spec.ids.of([f"é/{n}" for n in numbers] if spec.has_string_ids else list(numbers))
    encoded = spec.encode(vectors(rows, 8))
    texts = [b'{"id":%d}' % n for n in numbers]
    if spec.needs_vectors:
        block.append(Lsn(1), ids, encoded, texts)
    else:
        block.append(Lsn(1), ids, encoded[~bare], texts, bare=bare)
    options = EngineOptions(links_max=4, ef_construction=30)
    builder = SegmentBuilder(FILES, str(folder), IDENTITY, options, budget_of(options))
    source = Source(block, np.arange(rows, dtype=np.uint32))
    assert builder.seal(1, spec, [source], lambda: True) == 1


def open_(folder: Path, number: int = 1, identity: bytes = IDENTITY, spec: IndexSpec = SPEC) -> Segment:
    return Segment(FILES, str(folder), identity, number, spec, Lsn(1))


def test_a_segment_gives_back_what_went_in(tmp_path: Path) -> None:
    payloads = build(tmp_path)
    segment = open_(tmp_path)
    ids = np.arange(ROWS, dtype=np.uint64) * 7
    rows = segment.find(ids, segment.rows)
    assert sorted(rows.tolist()) == list(range(ROWS))
    assert segment.native.ids(rows.astype(np.uint32)).tolist() == ids.tolist()
    assert segment.payloads(rows.astype(np.uint32)) == payloads
    assert np.abs(segment.native.vectors(rows.astype(np.uint32)) - vectors(ROWS, 8)).max() < 0.01
    assert segment.find(np.array([1, 2**64 - 1], np.uint64), segment.rows).tolist() == [-1, -1]


@pytest.mark.slow_first
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", [graph_path, payload_path])
def test_every_flipped_bit_is_refused(tmp_path: Path, which: object, kind: str) -> None:
    spec = KINDS[kind]
    build_of_kind(tmp_path, spec, 12)
    assert open_(tmp_path, spec=spec).bare_rows == (0 if spec.needs_vectors else 4)
    path = Path(which(str(tmp_path), 1))  # type: ignore[operator]
    whole = path.read_bytes()
    quiet = []
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << (at % 8)
        path.write_bytes(damaged)
        try:
            open_(tmp_path, spec=spec)
        except (CorruptionError, UnsupportedVersion):
            continue
        quiet.append(at)
    # Only the zeros between the header and the first page belong to no section: nothing reads them.
    assert all(whole[at] == 0 for at in quiet)
    path.write_bytes(whole)
    open_(tmp_path, spec=spec)


@pytest.mark.parametrize("which", [graph_path, payload_path])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, which: object) -> None:
    build(tmp_path, rows=12)
    path = Path(which(str(tmp_path), 1))  # type: ignore[operator]
    whole = path.read_bytes()
    for length in [0, 1, 15, 16, 100, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptionError):
            open_(tmp_path)


def test_files_of_other_stores_and_segments_are_refused(tmp_path: Path) -> None:
    build(tmp_path, 1)
    build(tmp_path, 2, rows=61)
    with pytest.raises(CorruptionError):
        open_(tmp_path, identity=bytes(16))
    with pytest.raises(CorruptionError):
        open_(tmp_path, spec=IndexSpec(8, "cosine"))
    for which in (graph_path, payload_path):
        kept = Path(which(str(tmp_path), 1)).read_bytes()
        Path(which(str(tmp_path), 1)).write_bytes(Path(which(str(tmp_path), 2)).read_bytes())
        with pytest.raises(CorruptionError):
            open_(tmp_path)
        Path(which(str(tmp_path), 1)).write_bytes(kept)
    open_(tmp_path)


def test_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    build(tmp_path)
    path = Path(graph_path(str(tmp_path), 1))
    newer = bytearray(path.read_bytes())
    newer[8:12] = (VERSION + 1).to_bytes(4, "little")
    path.write_bytes(newer)
    with pytest.raises(UnsupportedVersion):
        open_(tmp_path)
    assert path.read_bytes() == newer


@pytest.mark.parametrize("damage", ["none", "link", "count", "level", "order", "top", "below"])
def test_impossible_structures_are_refused_though_their_checksums_fit(tmp_path: Path, damage: str) -> None:
    build(tmp_path, rows=2100)
    rewrite(tmp_path, damage)
    if damage == "none":  # the rewriting itself does no harm
        open_(tmp_path)
        return
    with pytest.raises(CorruptionError):
        open_(tmp_path)


def rewrite(folder: Path, damage: str) -> None:
    """Writes the graph file again, with one thing wrong and all checksums right."""
    path = graph_path(str(folder), 1)
    footer = read_footer(FILES, path, MAGIC, VERSION, SegmentFooter)
    nodes = np.frombuffer(load_section(FILES, path, footer.nodes), np.uint8).reshape(footer.rows, -1).copy()
    links = nodes[:, SPEC.record_bytes :].view("<u4")
    by_id = np.frombuffer(load_section(FILES, path, footer.by_id), "<u4").copy()
    ids = load_section(FILES, path, footer.ids)
    assert len(footer.upper) > 1, "the test needs a level between the ground and the highest"
    fine = load_section(FILES, path, footer.fine)
    levels = [load_section(FILES, path, level.links) for level in footer.upper]
    counts = [level.count for level in footer.upper]
    match damage:
        case "link":
            links[3, 1] = footer.rows
        case "count":
            links[3, 0] = 2 * footer.links_max + 1
        case "level":
            levels[0] = levels[0][:4] + (2**31).to_bytes(4, "little") + levels[0][8:]
        case "order":
            by_id[[0, 1]] = by_id[[1, 0]]
        case "top":
            counts = counts[:1]
            levels = [b""]
        case "below":
            counts[-1] = counts[0] + 1
    Path(path).unlink()
    writer = ContainerWriter(FILES, path, MAGIC, VERSION)
    footer = msgspec.structs.replace(
        footer,
        nodes=writer.section([nodes.tobytes()], align=4096),
        fine=writer.section([fine], align=4096),
        ids=writer.section([ids]),
        by_id=writer.section([by_id.tobytes()]),
        upper=[
            UpperSection(writer.section([links]), count) for links, count in zip(levels, counts, strict=True)
        ],
    )
    writer.finish(footer)
    writer.__exit__()


def manifest() -> Manifest:
    entry = SegmentEntry(3, 60, b"dead")
    return Manifest(identity=IDENTITY, number=5, applied_lsn=42, spec=SPEC, next_segment=4, segments=[entry])


def test_a_manifest_gives_back_what_went_in_and_refuses_every_flipped_bit(tmp_path: Path) -> None:
    write_manifest(FILES, str(tmp_path), manifest())
    [path] = tmp_path.iterdir()
    assert read_manifest(FILES, str(path)) == manifest()
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        with pytest.raises((CorruptionError, UnsupportedVersion)):
            read_manifest(FILES, str(path))
