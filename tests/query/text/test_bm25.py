"""Searches by words agree with BM25 done slowly, whatever happens to the rows meanwhile."""

from __future__ import annotations

import json
import random
from collections.abc import Container
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from asteroid_cloud import query
from asteroid_cloud.indexer import Engine, EngineOptions, TextDefinition, checked_spec, checked_text
from asteroid_cloud.query import MATCH_ALL, AllowList, FilterCache, SearchRequest, TextQuery, parse_filter
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, Overloaded
from tests.support.bm25 import Bm25

pytestmark = pytest.mark.anyio
FIELDS = {"title": "", "gloss": "english"}
WORDS = ["a", "b", "c", "dog", "Dogs", "run", "running", "naïve", "日本", "日本語", "中", "é", "e\u0301"]
RARE = ["straße", "STRASSE", "🙂", "x1", "ﬁne", "ab" * 50]
IDS = 400
OPTIONS = EngineOptions(seal_rows=60, idle_seal_s=0.02, idle_flush_s=0.02, segments_max=2, links_max=4)
Documents = dict[int, dict[str, Any]]


def definition(fields: dict[str, str] = FIELDS) -> TextDefinition:
    return checked_text([((field,), language or None) for field, language in fields.items()])


def some_text(rng: random.Random) -> str:
    return " ".join(
        rng.choices(WORDS + RARE, [8] * len(WORDS) + [1] * len(RARE), k=rng.choice([0, 1, 4, 9, 30]))
    )


def some_document(rng: random.Random) -> dict[str, Any]:
    document: dict[str, Any] = {"n": rng.randrange(10)}
    for field in FIELDS:
        kind = rng.random()
        if kind < 0.6:
            document[field] = some_text(rng)
        elif kind < 0.75:
            document[field] = [some_text(rng) if rng.random() < 0.9 else 7 for _ in range(rng.randrange(4))]
        elif kind < 0.85:
            document[field] = rng.choice([5, None, True, {"title": "a dog"}])
    return document


async def write(engine: Engine, documents: Documents, rng: random.Random) -> None:
    ids = sorted({rng.randrange(IDS) for _ in range(rng.randrange(1, 90))})
    new = [some_document(rng) for _ in ids]
    texts = [json.dumps(each, ensure_ascii=rng.random() < 0.5).encode() for each in new]
    await engine.upsert(np.array(ids, np.uint64), np.zeros((len(ids), 4), np.float32), texts)
    documents.update(zip(ids, new, strict=True))
    dead = rng.sample(sorted(documents), min(len(documents), rng.randrange(25)))
    await engine.delete(np.array(dead, np.uint64))
    for id in dead:
        del documents[id]


async def searched(engine: Engine, request: SearchRequest, cache: FilterCache) -> query.SearchResult:
    """The answer, once everything is indexed."""
    with anyio.fail_after(30):
        while True:
            try:
                return query.search(engine.snapshot(), request, cache)
            except Overloaded as error:
                is_building = (
                    error.code == "text_building" and error.details["indexed"] < error.details["rows"]
                )
            assert is_building
            await anyio.sleep(0.01)


async def check(engine: Engine, documents: Documents, rng: random.Random, cache: FilterCache) -> None:
    """Some searches, each beside the oracle's answer."""
    oracle = Bm25(documents, FIELDS)
    for _ in range(12):
        words = " ".join(rng.choices(WORDS + RARE, k=rng.randrange(5)))
        fields = rng.choice([None, ["title"], ["gloss"]])
        how = rng.choice([{}, {}, {"needs_all": True}, {"is_phrase": True}])
        below, allowed = rng.choice([None, 2, 8]), None
        filter, ids = MATCH_ALL, None
        if below is not None:
            filter = parse_filter({"n": {"$lt": below}})
            allowed = {id for id, each in documents.items() if each["n"] < below}
        if rng.random() < 0.2:
            listed = {rng.randrange(IDS) for _ in range(30)}
            ids = AllowList(np.array(sorted(listed), np.uint64))
            allowed = listed if allowed is None else allowed & listed
        request = SearchRequest(
            text=TextQuery(query=words, fields=None if fields is None else ((fields[0],),), **how),
            k=rng.choice([1, 3, 10, 1000]),
            filter=filter,
            ids=ids,
            explain=rng.random() < 0.3,
        )
        expect(await searched(engine, request, cache), oracle, request, fields, allowed)


def expect(
    result: query.SearchResult,
    oracle: Bm25,
    request: SearchRequest,
    fields: list[str] | None,
    allowed: Container[int] | None,
) -> None:
    text = request.text
    assert text is not None
    wanted = oracle.ranked(
        text.query, fields, needs_all=text.needs_all, is_phrase=text.is_phrase, allowed=allowed
    )
    assert result.scores is not None
    found = list(zip(result.scores.tolist(), result.ids.tolist(), strict=True))
    assert len(found) == min(request.k, len(wanted)), request
    assert [score for score, _ in found] == pytest.approx(
        [score for score, _ in wanted[: request.k]], rel=1e-9
    )
    by_id = {id: score for score, id in wanted}
    assert [score for score, _ in found] == pytest.approx([by_id[id] for _, id in found], rel=1e-9)
    assert found == sorted(found, key=lambda pair: (-pair[0], pair[1]))
    assert np.isnan(result.distances).all()
    if request.explain:
        assert result.explain is not None
        assert result.explain.matches == len(wanted)


@pytest.mark.parametrize("seed", range(6))
async def test_searches_agree_with_the_oracle_through_writes_seals_merges_and_restarts(
    tmp_path: Path, seed: int
) -> None:
    rng, documents = random.Random(seed), Documents()
    for life in range(3):
        cache = FilterCache()  # a cache belongs to one opening of a store
        async with Engine.open(str(tmp_path), OPTIONS) as engine:
            await engine.ready()
            if life == 0:
                await engine.texts.create_index(checked_spec(4, "l2"), definition())
            for _ in range(6):
                await write(engine, documents, rng)
                await check(engine, documents, rng, cache)
                if rng.random() < 0.3:
                    await anyio.sleep(0.05)
            if seed % 2:
                await engine.flush()


async def test_what_is_stored_is_indexed_when_an_index_is_defined_and_again_when_it_changes(
    tmp_path: Path,
) -> None:
    rng, cache, documents = random.Random(7), FilterCache(), Documents()
    async with Engine.open(str(tmp_path), OPTIONS) as engine:
        await engine.ready()
        await engine.create_index(4, "l2")
        for _ in range(4):
            await write(engine, documents, rng)
        await engine.flush()
        request = SearchRequest(text=TextQuery(query="dog"))
        with pytest.raises(Conflict) as caught:
            query.search(engine.snapshot(), request, cache)
        assert caught.value.code == "no_text_index"
        before = engine.snapshot()
        await engine.texts.define(definition())
        await check(engine, documents, rng, cache)
        progress = engine.stats().text
        assert progress is not None
        assert progress.is_done
        with pytest.raises(Conflict):
            query.search(before, request, cache)
        assert (await engine.texts.define(definition())).affected == 0
        await engine.texts.define(definition({"title": "german"}))
        with pytest.raises(InvalidRequest) as refused:
            await searched(engine, SearchRequest(text=TextQuery(query="a", fields=(("gloss",),))), cache)
        assert refused.value.code == "bad_text"
        await engine.texts.define(definition())
        await check(engine, documents, rng, cache)
        await engine.texts.define(None)
        assert engine.stats().text is None
        with pytest.raises(Conflict):
            query.search(engine.snapshot(), request, cache)


async def test_scores_are_the_same_before_and_after_a_merge_and_a_restart(tmp_path: Path) -> None:
    rng, cache, documents = random.Random(3), FilterCache(), Documents()
    asked = [
        SearchRequest(text=TextQuery(query=words), k=50) for words in ("dog a b", "run naïve", "日本語 c")
    ]
    answers: list[list[tuple[list[int], list[float]]]] = []

    async def note(engine: Engine) -> None:
        found = [await searched(engine, request, cache) for request in asked]
        answers.append([(each.ids.tolist(), np.asarray(each.scores).tolist()) for each in found])

    slow = EngineOptions(seal_rows=60, idle_seal_s=100, segments_max=50, links_max=4)
    async with Engine.open(str(tmp_path), slow) as engine:
        await engine.ready()
        await engine.texts.create_index(checked_spec(4, "l2"), definition())
        for _ in range(8):
            await write(engine, documents, rng)
        await note(engine)
        await engine.flush()
        await note(engine)
        many = engine.stats().segments
    async with Engine.open(str(tmp_path), OPTIONS) as engine:
        await engine.ready()
        with anyio.fail_after(30):
            while engine.stats().segments > 2 or engine.stats().merging:
                await anyio.sleep(0.02)
        assert engine.stats().segments < many
        await note(engine)
    assert answers[0] == answers[1] == answers[2]
