"""Writes with conditions, mixed writes and sets, of both clients, against a real server."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asteroid_cloud.client import Conflict, InvalidRequest, NotFound
from tests.client.test_methods import fill

pytestmark = pytest.mark.anyio


async def test_a_batch_may_skip_or_refuse_what_exists(client: Any) -> None:
    lsn = await fill(client)
    told = await client.insert_batch(
        [(1, [9, 9]), (5, [1, 1]), (6, [1, 1])], on_existing="skip", chunk_size=2
    )
    assert (int(told), told.replaced, told.skipped) == (2, 0, 1)
    assert told.lsn == lsn + 2
    told = await client.insert_batch([(1, [9, 9]), (7, [1, 1])])
    assert (int(told), told.replaced, told.skipped) == (2, 1, 0)
    for items, code in (
        ([(8, [1, 1]), (9, [1, 1]), (1, [1, 1])], "id_exists"),
        ([(8, [1, 1]), (9, [1, 1]), {"id": 77, "vector": [1, 1], "if_match": "*"}], "precondition_failed"),
        ([(8, [1, 1]), (9, [1, 1]), {"id": 1, "vector": [1, 1], "if_match": lsn}], "precondition_failed"),
    ):
        with pytest.raises(Conflict) as caught:
            await client.insert_batch(items, on_existing="fail", chunk_size=2)
        assert (caught.value.code, caught.value.details["index"], caught.value.details["inserted"]) == (
            code,
            2,
            2,
        )
        await client.delete_many([8, 9])
    assert (await client.insert(1, [0, 0], on_existing="skip")).result == "skipped"
    assert (await client.upsert(1, [0, 0], on_existing="replace")).result == "replaced"
    with pytest.raises(Conflict) as caught:
        await client.insert(1, [0, 0], on_existing="fail")
    assert caught.value.code == "id_exists"
    with pytest.raises(InvalidRequest) as refused:
        await client.insert_batch([(1, [0, 0])], on_existing="no")
    assert refused.value.code == "bad_on_existing"


async def test_write_and_set(client: Any) -> None:
    lsn = await fill(client)
    told = await client.write(
        delete_filters=[{"kind": "a"}],
        deletes=[77],
        upserts=[(1, np.array([1, 1])), {"id": 2, "vector": [0, 0], "on_existing": "skip"}],
        patches=[{"id": 2, "patch": {"p": 1}}],
        sets=[{"id": np.uint64(1), "set": {"s": None}, "unset": ["x"]}],
    )
    expected = {"deleted": 1, "inserted": 1, "replaced": 0, "skipped": 1, "patched": 1, "set": 1}
    assert dict(told) == {"lsn": lsn + 1} | expected
    assert await client.get_payload(1) == {"s": None}
    for wrong, where in (
        ({"patches": [{"id": 1, "patch": {}}, {"id": 9, "patch": {}}]}, "patches"),
        ({"sets": [{"id": 1, "set": {}}, {"id": 9, "set": {}}]}, "sets"),
    ):
        with pytest.raises(NotFound) as caught:
            await client.write(**wrong)
        assert (caught.value.details["list"], caught.value.details["index"]) == (where, 1)
    for wrong, where in (
        ({"upserts": [(1, [0, 0]), (1, ["a", 0])]}, "upserts"),
        ({"patches": [{"id": 1, "patch": {}}, {"id": 1, "patch": 5}]}, "patches"),
        ({"sets": [{"id": 1, "set": {}}, {"id": -1, "set": {}}]}, "sets"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            await client.write(**wrong)
        details = refused.value.details
        assert (refused.value.code, details["list"], details["index"]) == ("bad_item", where, 1)
    assert await client.set({"a": {"b": 1}}, [1, 2, 77], unset=["s"]) == 2
    assert await client.get_payload(1) == {"a": {"b": 1}}
    assert await client.set(filter={"a.b": 1}, unset=["a.b"]) == 2
    assert await client.get_payload(1) == {"a": {}}
    with pytest.raises(InvalidRequest):
        await client.set({"a": 1})


async def test_rows_without_a_vector_are_written_and_followed(client: Any) -> None:
    await client.create_collection("notes", 2, vector="optional")
    notes = client.collection("notes")
    since = (await notes.insert_batch([{"id": 1, "vector": None}, {"id": 2, "vector": [2, 0]}])).lsn
    told = await notes.write(
        upserts=[{"id": 1, "vector": [1, 0]}, {"id": 2, "vector": None}, {"id": 3, "vector": None}],
        sets=[{"id": 3, "set": {"s": 1}, "unset": ["a.b"]}],
    )
    assert (told.inserted, told.replaced) == (3, 2)
    assert [(await notes.get(id)).vector for id in (1, 2, 3)] == [[1.0, 0.0], None, None]
    first, second, third = [
        change async for change in notes.changes(since - 1, include=["payload", "vector"], follow=False)
    ]
    assert first.vectors == [None, [2.0, 0.0]]
    assert second.vectors == [[1.0, 0.0], None, None]
    assert (third.payloads, third.unset) == ([{"s": 1}], [["a", "b"]])
