"""Many ids, and many strings, are found at once as they are one by one."""

from __future__ import annotations

from bisect import bisect_right
from random import Random

import numpy as np
import pytest

from asteroid_cloud.indexer import EngineOptions, IndexSpec
from asteroid_cloud.indexer.build.builder import SegmentBuilder, Source
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.column_file import KEY_BYTES
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.memtable import Memtable
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.lsn import Lsn
from tests.support.engines import budget_of

FILES, IDENTITY, ROWS = LocalFiles(), bytes(16), 700
LEAST, GREATEST = 1_000, 2**64 - 1


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    folder, spec = str(tmp_path_factory.mktemp("segment")), IndexSpec(2, "l2")
    random = Random(1)
    ids = [*random.sample(range(LEAST, 10_000), ROWS - 2), LEAST - 1, GREATEST]
    block = Memtable(spec, 0, ROWS)
    block.append(Lsn(1), np.array(ids, np.uint64), spec.encode(np.zeros((ROWS, 2), np.float32)), [b""] * ROWS)
    options = EngineOptions(links_max=4, ef_construction=10)
    builder = SegmentBuilder(FILES, folder, IDENTITY, options, budget_of(options))
    builder.seal(1, spec, [Source(block, np.arange(ROWS, dtype=np.uint32))], lambda: True)
    return Segment(FILES, folder, IDENTITY, 1, spec, Lsn(1))


@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
@pytest.mark.parametrize("is_sorted", [True, False])
def test_ids(segment: Segment, share: float, is_sorted: bool) -> None:
    random = Random(int(share * 100))
    there = segment.native.ids(np.arange(ROWS, dtype=np.uint32)).tolist()
    where = {id: row for row, id in enumerate(there)}
    for most in (300, 2_000):
        wanted = random.sample(there, int(share * ROWS)) + [random.randrange(12_000) for _ in range(most)]
        wanted += [0, 0, LEAST - 1, GREATEST, GREATEST]
        random.shuffle(wanted)
        if is_sorted:
            wanted.sort()
        found = segment.find(np.array(wanted, np.uint64), ROWS)
        assert found.tolist() == [where.get(id, -1) for id in wanted]


def test_ids_that_all_lie_outside(segment: Segment) -> None:
    assert set(segment.find(np.arange(500, dtype=np.uint64), ROWS).tolist()) == {-1}
    beyond = np.arange(GREATEST - 400, GREATEST, dtype=np.uint64)
    assert set(segment.find(beyond, ROWS).tolist()) == {-1}


@pytest.mark.parametrize("seed", range(20))
def test_strings(seed: int) -> None:
    random = Random(seed)
    begin = random.choice(["", "a", "common beginning ", "é" * 10, "x" * 40])
    letters = random.choice(["ab", "a\0", "xyé語", "😀z"])

    def text() -> str:
        return begin + "".join(random.choices(letters, k=random.randrange(40)))

    mine = sorted({text().encode()[:KEY_BYTES] for _ in range(random.randrange(1, 300))})
    wanted = [random.choice([text(), "", "zz", "\U0010ffff"]) for _ in range(random.randrange(300))]
    wanted += [each.decode() for each in random.sample(mine, len(mine) // 3) if each.isascii()]
    random.shuffle(wanted)
    texts = core.TextList(wanted)
    in_order = sorted({each.encode() for each in wanted})
    assert len(texts) == len(in_order)
    assert texts.fingerprints().tolist() == list(map(core.fingerprint, in_order))
    places, is_equal = texts.places_in(b"".join(mine), np.cumsum([len(each) for each in mine]), KEY_BYTES)
    cut = [each[:KEY_BYTES] for each in in_order]
    assert places.tolist() == [bisect_right(mine, each) - 1 for each in cut]
    assert is_equal.tolist() == [each in mine for each in cut]


def test_what_is_no_text_or_does_not_fit_is_refused() -> None:
    with pytest.raises(TypeError):
        core.TextList([b"bytes"])  # type: ignore[list-item]
    with pytest.raises(UnicodeEncodeError):
        core.TextList(["\ud800"])
    for ends in ([], [3], [2, 1], [-1, 2]):
        with pytest.raises(ValueError, match="ends of keys"):
            core.TextList(["a"]).places_in(b"ab", np.array(ends, np.int64), KEY_BYTES)
