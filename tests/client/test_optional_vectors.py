"""Rows without a vector, and ids that are strings, through both clients, against a real server."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asteroid_cloud.client import Conflict, InvalidRequest, NotFound

pytestmark = pytest.mark.anyio


IDS: list[list[Any]] = [[1, 2, 3, 2**64 - 1], ["a", "a/b", "batch", "é"]]


async def notes_of(client: Any, ids: list[Any]) -> Any:
    """A collection for such ids, whose rows need no vector."""
    kind = "string" if isinstance(ids[0], str) else "integer"
    await client.create_collection("notes", 2, ids=kind, vector="optional")
    return client.collection("notes")


@pytest.mark.parametrize("ids", IDS, ids=["integer", "string"])
async def test_rows_come_without_a_vector_and_go_on_without_one(client: Any, ids: list[Any]) -> None:
    notes = await notes_of(client, ids)
    one, two, three, four = ids
    assert (await notes.insert(one, None, metadata={"n": 1})).result == "inserted"
    items = [
        {"id": two, "metadata": {"n": 2}},
        (three, None),
        {"id": four, "vector": np.array([4, 0])},
        {"id": one, "vector": None},
    ]
    told = await notes.insert_batch(items)
    assert (int(told), told.replaced) == (4, 1)
    before = told.lsn
    told = await notes.write(
        upserts=[{"id": three, "metadata": {"n": 3}}, (one, [1, 0]), {"id": four, "vector": None}],
        patches=[{"id": three, "patch": {"p": 1}}],
        sets=[{"id": two, "set": {"s": 1}}],
    )
    assert (told.inserted, told.replaced, told.patched, told.set) == (3, 3, 1, 1)
    assert await notes.set({"t": 1}, [three]) == 1
    rows = {row.id: row async for row in notes.scroll(include=["vector", "payload"])}
    assert {id: row.payload for id, row in rows.items()} == {
        one: {"n": 1},
        two: {"n": 2, "s": 1},
        three: {"n": 3, "p": 1, "t": 1},
        four: {},
    }
    assert [id for id, row in rows.items() if row.vector is None] == [two, three, four]
    stats = await notes.stats()
    assert (stats.vectors, stats.without_vector) == (4, 3)
    assert [hit.id for hit in await notes.search([0, 0])] == [one]
    with pytest.raises(Conflict) as refused:
        await notes.search(id=two)
    assert refused.value.code == "no_vector"
    changes = [each async for each in notes.changes(before, include=["vector"], follow=False)]
    upserts = [each for each in changes if each.kind == "upsert"]
    assert [each.ids for each in upserts] == [[three, one, four]]
    assert [each.vectors for each in upserts] == [[None, [1.0, 0.0], None]]


async def test_what_was_sent_is_judged_by_the_index(client: Any) -> None:
    await client.create_index(2)
    for item, reason in (({"id": 1}, "missing_field"), ({"id": 1, "vector": None}, "bad_vector")):
        for call, details in (
            (client.insert_batch([(2, [0, 0]), item]), {"index": 1}),
            (client.write(upserts=[(2, [0, 0]), item]), {"index": 1, "list": "upserts"}),
        ):
            with pytest.raises(InvalidRequest) as refused:
                await call
            assert refused.value.code == "bad_item"
            assert refused.value.details.items() >= (details | {"reason": reason}).items()
    assert await client.count() == 0


@pytest.mark.parametrize("ids", IDS, ids=["integer", "string"])
async def test_ids_of_both_kinds_in_mixed_writes(client: Any, ids: list[Any]) -> None:
    notes = await notes_of(client, ids)
    first, absent = ids[:2]
    await notes.write(upserts=[(first, [1, 0], {"a": 1})])
    for wrong, where in (
        ({"patches": [{"id": first, "patch": {}}, {"id": absent, "patch": {}}]}, "patches"),
        ({"sets": [{"id": first, "set": {}}, {"id": absent, "set": {}}]}, "sets"),
    ):
        with pytest.raises(NotFound) as caught:
            await notes.write(**wrong)
        assert (caught.value.details["list"], caught.value.details["index"]) == (where, 1)
    told = await notes.write(deletes=[first, absent], upserts=[{"id": absent}])
    assert (told.deleted, told.inserted, told.replaced) == (1, 1, 0)
    assert [row.id async for row in notes.scroll()] == [absent]
    assert await notes.set({"a": 1}, [first, absent]) == 1
