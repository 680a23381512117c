"""The segments of a small real store, which are damaged, and everything that can be read from one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import (
    Engine,
    EngineOptions,
    PartPlan,
    PartView,
    checked_spec,
    checked_text,
    damage_in_text,
    search_parts,
)
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment import column_file as fields_file
from asteroid_cloud.indexer.segment import graph_file, payload_file, text_file
from asteroid_cloud.indexer.segment.container import read_footer
from asteroid_cloud.indexer.segment.paths import segment_paths
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.query import FilterCache, parse_filter
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.lsn import Lsn

FILES = LocalFiles()
K, EF = 10, 30
# Few links, so that a few hundred rows make a graph of several levels; one row makes a graph without levels.
STORES = (("l2", 8, 300, 4), ("cosine", 5, 90, 16), ("ip", 3, 1, 16))

TEXT = checked_text([(("w",), "english")])
FILTERS = [
    parse_filter(filter)
    for filter in (
        {"n": {"$gte": 30, "$lt": 200}},
        {"text": {"$gt": "x" * 100}},
        {"$or": [{"text": "x" * 120}, {"text": {"$ieq": "X"}}, {"never": {"$exists": True}}]},
        {"l": {"$contains_any": [3, "40"]}},
        {"$nor": [{"l": {"$contains_all": [4, "13"]}}, {"l": [1, "1"]}, {"l": {"$size": 2}, "n": 5}]},
    )
]


class Violation(Exception):
    """An open segment gave an impossible answer."""


@dataclass(frozen=True, slots=True)
class Intact:
    """One file as the store wrote it, with its footer."""

    data: bytes
    footer: msgspec.Struct
    magic: bytes
    version: int


@dataclass(frozen=True, slots=True)
class Subject:
    """One segment: its files, and its answers while they are whole."""

    graph: Intact
    payload: Intact
    fields: Intact
    text: Intact
    answers: tuple[bytes, ...]

    @property
    def files(self) -> tuple[Intact, Intact, Intact, Intact]:
        """All of them, in the order of ``paths``."""
        return self.graph, self.payload, self.fields, self.text

    def open(self, folder: str) -> Segment:
        """The segment whose files, damaged or not, lie in ``folder``."""
        footer = self.graph.footer
        assert isinstance(footer, graph_file.SegmentFooter)
        segment = Segment(FILES, folder, footer.identity, footer.number, footer.spec, Lsn(1))
        segment.open_text(FILES, folder, footer.identity, TEXT)
        return segment

    def paths(self, folder: str) -> tuple[Path, ...]:
        """The paths of its files there."""
        footer = self.graph.footer
        assert isinstance(footer, graph_file.SegmentFooter)
        return tuple(Path(path) for path in segment_paths(folder, footer.number))


async def _fill(folder: Path, metric: str, dim: int, rows: int, links_max: int) -> None:
    rng = np.random.default_rng(rows)
    vectors = rng.normal(size=(rows, dim)).astype(np.float32)
    ids = rng.permutation(4 * rows)[:rows].astype(np.uint64)
    # Long enough that the payloads take several blocks.
    payloads = [
        b'{"n":%d,"text":"%s","l":[%d,"%d"]}' % (row, b"x" * (row % 97 * 6), row % 9, row) if row % 5 else b""
        for row in range(rows)
    ]
    words = ("a", "b", "few", "words", "日本語", "wording")
    payloads = [
        text and text[:-1] + f',"w":"{" ".join(words[row % 6 :] * (row % 5))}"}}'.encode()
        for row, text in enumerate(payloads)
    ]
    options = EngineOptions(links_max=links_max, ef_construction=60)
    async with Engine.open(str(folder), options) as engine:
        await engine.ready()
        await engine.texts.create_index(checked_spec(dim, metric), TEXT)
        await engine.upsert(ids, vectors, payloads)
        await engine.flush()


def make_subjects(folder: Path) -> list[Subject]:
    """Writes a store of each kind below ``folder``; returns the one segment of each."""
    subjects = []
    for metric, dim, rows, links_max in STORES:
        store = folder / metric
        anyio.run(_fill, store, metric, dim, rows, links_max)
        (graph,) = store.rglob("*.graph")
        (payload,) = store.rglob("*.payload")
        (fields,) = store.rglob("*.fields")
        (text,) = store.rglob("*.text")
        subject = Subject(
            _intact(graph, graph_file.MAGIC, graph_file.VERSION, graph_file.SegmentFooter),
            _intact(payload, payload_file.MAGIC, payload_file.VERSION, payload_file.PayloadFooter),
            _intact(fields, fields_file.MAGIC, fields_file.VERSION, fields_file.FieldsFooter),
            _intact(text, text_file.MAGIC, text_file.VERSION, text_file.TextFooter),
            (),
        )
        answers = ask_everything(subject.open(str(graph.parent)))
        subjects.append(Subject(*subject.files, answers))
    return subjects


def _intact(path: Path, magic: bytes, version: int, kind: type[msgspec.Struct]) -> Intact:
    return Intact(path.read_bytes(), read_footer(FILES, str(path), magic, version, kind), magic, version)


def ask_everything(segment: Segment) -> tuple[bytes, ...]:
    """Makes every kind of read of a segment; raises Violation for an impossible answer."""
    view = PartView(segment, segment.rows, segment.rows, None)
    every = np.arange(segment.rows, dtype=np.uint32)
    ids, vectors, payloads = view.ids(every), view.vectors(every), view.payloads(every)
    _check(len(np.unique(ids)) == segment.rows, "ids are there twice")
    _check(bool(np.array_equal(view.find(ids), every)), "an id is not found where it is")
    _check(int(view.find(ids[:1] ^ np.uint64(2**63))[0]) < segment.rows, "an id is found beyond the end")
    _check(len(payloads) == segment.rows, "payloads are missing")
    answers = [ids.tobytes(), vectors.tobytes(), b"\0".join(payloads)]
    for filter in FILTERS:
        matches = FilterCache().matching(view, filter)
        _check(len(matches) == (view.rows + 7) // 8, "a bitmap has another length")
        answers.append(matches.tobytes())
    return (*answers, *_searches(view), *_word_searches(view))


def _word_searches(view: PartView) -> Iterator[bytes]:
    native = view.part.text_index(TEXT, view.rows)
    if native is None:  # an index of something else, which is built again
        yield b""
        return
    terms = [(b"\0a", 0, 0, 1.0), (b"\0word", 0, 1, 2.0), (b"\0few", 0, 2, 1.0)]
    phrase = [[(b"\0few", 0), (b"\0word", 1)]]
    part = (native, view.part.native, view.rows, None, 0, None, view.rows)
    for phrases, needs_all, counts in (([], False, True), ([], True, False), (phrase, False, False)):
        with damage_in_text():
            ids, scores, _, ordinals, *_ = core.search_text([part], terms, phrases, needs_all, K, counts)
        _check(bool(np.all(np.isfinite(scores))), "a score is no number")
        _check(len(ids) <= K and bool(np.all(ordinals < view.rows)), "a row is not there")
        yield ids.tobytes() + scores.tobytes()


def _searches(view: PartView) -> Iterator[bytes]:
    rng = np.random.default_rng(7)
    queries = rng.normal(size=(3, view.vectors(np.zeros(1, np.uint32)).shape[1])).astype(np.float32)
    for share in (1.0, 0.5, 0.05):
        flags = rng.random(view.rows) < share
        mask = None if share == 1.0 else np.packbits(flags, bitorder="little")
        matches = view.rows if mask is None else int(flags.sum())
        for scan, exact in ((False, False), (True, False), (False, True)):
            plan = PartPlan(view, mask, matches, scan)
            hits = search_parts([plan], queries, K, EF, exact=exact)
            _check(hits.found.tolist() == [min(K, matches)] * len(queries), "a search came back incomplete")
            _check(bool(np.all(hits.ordinals < view.rows)), "a search found a row beyond the end")
            _check(
                mask is None or bool(np.all(flags[hits.ordinals])), "a search found a row outside its mask"
            )
            _check(_differ(hits.ordinals), "a search found a row twice")
            _check(bool(np.all(np.isfinite(hits.distances))), "a distance is no number")
            _check(bool(np.all(hits.distances[:, 1:] >= hits.distances[:, :-1])), "distances do not ascend")
            yield hits.ids.tobytes() + hits.distances.tobytes() + hits.visited.tobytes()


def _differ(ordinals: NDArray[np.uint32]) -> bool:
    return all(len(set(row)) == len(row) for row in ordinals.tolist())


def _check(condition: bool, what: str) -> None:
    if not condition:
        raise Violation(what)
