"""Writes that say what is to happen where an id exists, and items that say what must hold of theirs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.asking import DIM, ZEROS, Http

pytestmark = pytest.mark.anyio
BATCH, ONE = "/v1/vectors/batch", "/v1/vectors"
OTHER = [1.0] * DIM


def item(id: int, **fields: object) -> dict[str, object]:
    return {"id": id, "vector": OTHER, **fields}


async def payload(http: Http, id: int) -> Any:
    return await http.send("GET", f"{ONE}/{id}/payload", status=200)


async def test_a_batch_skips_what_exists_and_says_how_much(http: Http) -> None:
    await http.insert(1, ZEROS, {"old": 1})
    items = [item(1, metadata={"new": 1}), item(2), item(2), item(3, on_existing="replace"), item(3)]
    told = await http.send("POST", BATCH, {"items": items, "on_existing": "skip"}, status=201)
    assert told == {"inserted": 2, "replaced": 0, "skipped": 3, "lsn": http.lsn}
    assert await payload(http, 1) == {"old": 1}
    told = await http.send("POST", BATCH, {"items": items[:2]}, status=201)
    assert told == {"inserted": 2, "replaced": 2, "skipped": 0, "lsn": http.lsn}
    lsn = http.lsn
    told = await http.send("POST", BATCH, {"on_existing": "skip", "items": items[:2]}, status=201)
    assert told == {"inserted": 0, "replaced": 0, "skipped": 2, "lsn": lsn}


async def test_of_an_id_twice_in_a_batch_the_second_replaces(http: Http) -> None:
    told = await http.send("POST", BATCH, {"items": [item(1), item(1), item(2)]}, status=201)
    assert told == {"inserted": 3, "replaced": 1, "skipped": 0, "lsn": http.lsn}


@pytest.mark.parametrize("items", [[item(5), item(1)], [item(5), item(5)]])
async def test_one_that_exists_refuses_a_batch_that_is_to_fail(http: Http, items: list[Any]) -> None:
    await http.insert(1, ZEROS)
    lsn = http.lsn
    body = {"items": items, "on_existing": "fail"}
    told = await http.refused("POST", BATCH, body, status=409, code="id_exists")
    assert (told["index"], told["lsn"]) == (1, lsn)
    await http.refused("GET", f"{ONE}/5", status=404, code="not_found")
    told = await http.send("POST", BATCH, body | {"items": [item(5), item(6)]}, status=201)
    assert told == {"inserted": 2, "replaced": 0, "skipped": 0, "lsn": lsn + 1}


async def test_an_item_may_match_a_position_or_that_its_id_exists(http: Http) -> None:
    await http.insert(1, ZEROS)
    first = http.lsn
    await http.insert(2, ZEROS)
    items = [item(1, if_match=first), item(2, if_match="*")]
    told = await http.send("POST", BATCH, {"items": items}, status=201)
    assert told == {"inserted": 2, "replaced": 2, "skipped": 0, "lsn": http.lsn}
    lsn = http.lsn
    for items, index in (
        ([item(9), item(1, if_match=first)], 1),
        ([item(9, if_match="*")], 0),
        ([item(1, if_match=lsn), item(1, if_match=lsn)], 1),
        ([item(1, if_match=first, on_existing="skip")], 0),
        ([item(1, if_match=first, on_existing="fail")], 0),
    ):
        told = await http.refused("POST", BATCH, {"items": items}, status=412, code="precondition_failed")
        assert told["index"] == index
    told = await http.refused(
        "POST", BATCH, {"items": [item(1), item(2, if_match=lsn + 1)]}, status=400, code="bad_if_match"
    )
    assert told["index"] == 1
    await http.send("POST", BATCH, {"items": [item(9), item(9, if_match="*")]}, status=201)
    assert http.lsn == lsn + 1


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        ({"items": [item(1, on_existing="no")]}, "bad_item", "bad_on_existing"),
        ({"items": [item(1, if_match="1")]}, "bad_item", "bad_if_match"),
        ({"items": [item(1, if_match=-1)]}, "bad_item", "bad_if_match"),
        ({"items": [item(1)], "on_existing": None}, "bad_on_existing", None),
        ({"items": [item(1)], "if_match": 1}, "unknown_field", None),
    ],
)
async def test_bad_conditions_are_refused(http: Http, body: Any, code: str, reason: str | None) -> None:
    told = await http.refused("POST", BATCH, body, status=400, code=code)
    assert told.get("reason") == reason


@pytest.mark.parametrize(("method", "path", "status"), [("POST", ONE, 201), ("PUT", f"{ONE}/7", 200)])
async def test_a_single_write_says_what_became_of_it(http: Http, method: str, path: str, status: int) -> None:
    body = {"vector": OTHER, "metadata": {"a": 1}} | ({"id": 7} if path == ONE else {})

    async def put(existing: object, vector: list[float] = OTHER) -> Any:
        return await http.send(
            method, path, body | {"vector": vector, "on_existing": existing}, status=status
        )

    assert await put("skip") == {"id": 7, "lsn": http.lsn, "result": "inserted"}
    lsn = http.lsn
    assert await put("skip", ZEROS) == {"id": 7, "lsn": lsn, "result": "skipped"}
    assert (await http.send("GET", f"{ONE}/7", status=200))["vector"] == pytest.approx(OTHER, abs=0.01)
    assert await put("replace") == {"id": 7, "lsn": lsn + 1, "result": "replaced"}
    assert await put(None) == {"id": 7, "lsn": lsn + 2, "result": "replaced"}
    failing = body | {"on_existing": "fail"}
    told = await http.refused(method, path, failing, status=409, code="id_exists")
    assert "index" not in told
    await http.refused(method, path, body | {"on_existing": 1}, status=400, code="bad_on_existing")
    await http.send("DELETE", f"{ONE}/7", status=204)
    assert (await http.send(method, path, failing, status=status))["result"] == "inserted"


async def test_a_single_write_may_have_a_condition_of_its_headers_too(http: Http) -> None:
    await http.insert(7, ZEROS)
    lsn, body = http.lsn, {"id": 7, "vector": OTHER, "on_existing": "skip"}
    old, new = {"If-Match": f'"{lsn - 1}"'}, {"If-Match": f'"{lsn}"'}
    await http.refused("POST", ONE, body, status=412, code="precondition_failed", headers=old)
    assert (await http.send("POST", ONE, body, status=201, headers=new))["result"] == "skipped"
    absent = {"If-None-Match": "*"}
    await http.refused("POST", ONE, body, status=400, code="bad_if_match", headers=absent)
    gone = body | {"id": 8}
    await http.refused("POST", ONE, gone, status=412, code="precondition_failed", headers={"If-Match": "*"})


async def test_a_write_with_a_key_is_answered_again_with_what_became_of_it(http: Http) -> None:
    await http.insert(1, ZEROS)
    items = {"items": [item(1), item(2), item(3)], "on_existing": "skip"}
    calls = [
        ("POST", BATCH, items, 201),
        ("POST", BATCH, items | {"on_existing": "replace"}, 201),
        ("POST", BATCH, items | {"items": [item(1)]}, 201),
        ("POST", ONE, item(4), 201),
        ("POST", ONE, item(4), 201),
        ("POST", ONE, item(4, on_existing="skip"), 201),
        ("PUT", f"{ONE}/5", {"vector": OTHER}, 200),
    ]
    first = []
    for number, (method, path, body, status) in enumerate(calls):
        headers = {"Idempotency-Key": f"key-{number}"}
        first.append(await http.send(method, path, body, status=status, headers=headers))
    assert [each.get("replaced", each.get("result")) for each in first] == [
        0, 3, 0, "inserted", "replaced", "skipped", "inserted",
    ]  # fmt: skip
    for number, (method, path, body, status) in enumerate(calls):
        headers = {"Idempotency-Key": f"key-{number}"}
        assert await http.send(method, path, body, status=status, headers=headers) == first[number]
