"""A mapped segment whose bytes change while it is searched: errors and wrong neighbours, never a crash.

The flips run in a process of their own, so that a crash is seen.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from asteroid_cloud.indexer.native import core

HERE = Path(__file__).resolve()
DIM, ROWS, LINKS = 16, 3000, 8
FLIPS_MIN = 3000
EF, K = 40, 10
WHOLE_NUMBERS = (0, 1, 31, 255, ROWS - 1, ROWS, ROWS + 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1)


def built(path: Path) -> dict[str, object]:
    """Writes the sections of a small graph to a file; returns their layout."""
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(ROWS, DIM)).astype(np.float32)
    builder = core.GraphBuilder(DIM, core.Metric.l2, True, ROWS, LINKS, "")
    builder.append(np.arange(ROWS, dtype=np.uint64) * 3, core.encode(vectors, core.Metric.l2, True))
    progress = core.Progress(lambda: True)
    builder.link_all(0, 1, progress)
    builder.finish(1, progress)
    content = bytearray()

    def section(data: bytes) -> int:
        content.extend(bytes(-len(content) % core.SECTION_ALIGN))
        offset = len(content)
        content.extend(data)
        return offset

    ids = builder.ids()
    layout: dict[str, object] = {
        "nodes": section(builder.nodes(0, ROWS).tobytes()),
        "fine": section(builder.fine(0, ROWS).tobytes()),
        "ids": section(ids.tobytes()),
        "by_id": section(np.argsort(ids).astype(np.uint32).tobytes()),
        "rows": ROWS,
        "links_max": LINKS,
        "upper": [(section(links.tobytes()), count) for count, links in builder.upper()],
    }
    path.write_bytes(content)
    return layout


def opened(path: Path, layout: dict[str, object]) -> core.Segment:
    return core.Segment(str(path), DIM, core.Metric.l2, True, layout)


def link_places(layout: dict[str, object]) -> list[int]:
    """Where a graph's counts and links lie in its file, each a number of 32 bits."""
    nodes, ids = layout["nodes"], layout["by_id"]
    assert isinstance(nodes, int)
    assert isinstance(ids, int)
    size, head = core.node_bytes(DIM, LINKS), core.record_bytes(DIM)
    places = [nodes + row * size + head + 4 * i for row in range(ROWS) for i in range(1 + 2 * LINKS)]
    places += [ids + 4 * row for row in range(ROWS)]
    upper = layout["upper"]
    assert isinstance(upper, list)
    for offset, count in upper[:-1]:
        places += [offset + 4 * i for i in range(count * (1 + LINKS))]
    return places


def used(segment: core.Segment, query: np.ndarray, generator: np.random.Generator) -> None:
    """Every way to read a segment: walks with and without masks, scans, ids, vectors, and a merge."""
    sparse, wide = (np.packbits(generator.random(ROWS) < share, bitorder="little") for share in (0.2, 0.7))
    for mask, scan in ((None, False), (sparse, False), (wide, False), (None, True)):
        matches = ROWS if mask is None else int(np.unpackbits(mask, count=ROWS).sum())
        plans = core.PartPlans([(segment, ROWS, mask, matches, scan)])
        _, distances, _, ordinals, found, *_ = core.search(plans, query, K, EF, False, 1)
        assert found[0] == K
        assert int(ordinals.max()) < ROWS
        assert bool(np.all(distances[0, 1:] >= distances[0, :-1]))
    some = generator.integers(0, ROWS, 50).astype(np.uint32)
    wanted = segment.ids(some)
    segment.vectors(some)
    with suppress(core.DamagedSegment):
        assert int(segment.find(wanted).max()) < ROWS


def merged(segment: core.Segment) -> None:
    builder = core.GraphBuilder(DIM, core.Metric.l2, True, ROWS, LINKS, "")
    progress = core.Progress(lambda: True)
    builder.adopt(segment, np.arange(0, ROWS, 2, dtype=np.uint32), 1, progress)
    builder.finish(1, progress)
    builder.nodes(0, builder.rows)


def flip(path: Path) -> None:
    """Changes random bits and whole links of a mapped file, and uses the file all the while."""
    layout = built(path)
    segment = opened(path, layout)
    generator = np.random.default_rng(7)
    content = np.memmap(path, np.uint8, "r+")
    places = np.array(link_places(layout))
    numbers = np.array(WHOLE_NUMBERS, np.uint32)
    queries = generator.normal(size=(64, 1, DIM)).astype(np.float32)
    original = content.copy()
    flips = rounds = 0
    while flips < FLIPS_MIN or rounds < 20:
        bits = generator.integers(0, 8 * len(content), 100)
        np.bitwise_xor.at(content, bits // 8, (1 << (bits % 8)).astype(np.uint8))
        for place in generator.choice(places, 100):
            content[place : place + 4] = np.frombuffer(generator.choice(numbers).tobytes(), np.uint8)
        flips += 200
        used(segment, queries[rounds % 64], generator)
        if rounds % 5 == 0:
            merged(segment)
        rounds += 1
        if rounds % 10 == 0:
            content[:] = original
    sys.stdout.write(f"{flips} flips\n")


def test_random_flips_under_a_running_search_never_crash(tmp_path: Path) -> None:
    command = [sys.executable, str(HERE), str(tmp_path / "graph")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "flips" in done.stdout


def overwritten(path: Path, offset: int, value: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(value.to_bytes(4, "little"))


@pytest.mark.parametrize("value", [2 * LINKS + 1, 2**31, 2**32 - 1])
def test_a_count_of_links_is_cut_to_what_a_list_holds(tmp_path: Path, value: int) -> None:
    layout = built(tmp_path / "graph")
    segment = opened(tmp_path / "graph", layout)
    size, head = core.node_bytes(DIM, LINKS), core.record_bytes(DIM)
    for row in range(ROWS):
        overwritten(tmp_path / "graph", row * size + head, value)
    used(segment, np.zeros((1, DIM), np.float32), np.random.default_rng(3))


@pytest.mark.parametrize("value", [ROWS, 2**31 - 1, 2**31, 2**32 - 1])
def test_an_order_of_ids_that_names_no_row_is_refused(tmp_path: Path, value: int) -> None:
    layout = built(tmp_path / "graph")
    segment = opened(tmp_path / "graph", layout)
    start = layout["by_id"]
    assert isinstance(start, int)
    for row in range(ROWS):
        overwritten(tmp_path / "graph", start + 4 * row, value)
    with pytest.raises(core.DamagedSegment):
        segment.find(np.array([30], np.uint64))


@pytest.mark.parametrize(
    ("name", "value"),
    [("rows", 0), ("rows", 2**31), ("links_max", 0), ("links_max", core.LINKS_MAX_MAX + 1), ("ids", 4)],
)
def test_a_layout_beyond_the_limits_is_refused(tmp_path: Path, name: str, value: int) -> None:
    layout = built(tmp_path / "graph")
    with pytest.raises(ValueError, match="outside"):
        opened(tmp_path / "graph", {**layout, name: value})


if __name__ == "__main__":
    flip(Path(sys.argv[1]))
