"""If-Match and If-None-Match on the wire, from the clients, and embedded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.client import AsyncClient, Client, InvalidRequest
from asteroid_cloud.client import Conflict as ClientConflict
from asteroid_cloud.wal.errors import Conflict
from asteroid_cloud.wal.errors import InvalidRequest as Refused
from ops.forked_server import ForkedServer
from tests.support.asking import ZEROS, Http

pytestmark = pytest.mark.anyio
WRITES: list[tuple[str, str, Any, int]] = [
    ("POST", "/v1/vectors", {"id": 1, "vector": ZEROS}, 201),
    ("PUT", "/v1/vectors/1", {"vector": ZEROS}, 200),
    ("PUT", "/v1/vectors/1/payload", {"a": 1}, 200),
    ("PATCH", "/v1/vectors/1/payload", {"a": 2}, 200),
    ("DELETE", "/v1/vectors/1", None, 204),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), WRITES)
async def test_what_was_read_is_what_is_changed(
    http: Http, method: str, path: str, body: Any, status: int
) -> None:
    await http.send("POST", "/v1/vectors", {"id": 1, "vector": ZEROS}, status=201)
    for read in ("/v1/vectors/1", "/v1/vectors/1/payload"):
        old = (await http.client.get(read)).headers["ETag"]
        assert old == f'"{http.lsn}"'
    await http.send("PUT", "/v1/vectors/1/payload", {"b": 1}, status=200)
    refused = await http.refused(
        method, path, body, status=412, code="precondition_failed", headers={"If-Match": old}
    )
    assert refused["lsn"] == http.lsn
    await http.send(method, path, body, status=status, headers={"If-Match": str(http.lsn)})


@pytest.mark.parametrize(
    "headers",
    [
        {"If-Match": "x"},
        {"If-Match": '"'},
        {"If-Match": '""'},
        {"If-Match": 'W/"1"'},
        {"If-Match": '"1", "2"'},
        {"If-Match": "-1"},
        {"If-Match": "9" * 20},
        {"If-Match": '"99"'},
        {"If-None-Match": '"1"'},
        {"If-None-Match": "*", "If-Match": "*"},
    ],
)
async def test_conditions_that_are_none(http: Http, headers: dict[str, str]) -> None:
    body = {"id": 1, "vector": ZEROS}
    await http.refused("POST", "/v1/vectors", body, status=400, code="bad_if_match", headers=headers)


async def test_stars(http: Http) -> None:
    body = {"vector": ZEROS}
    absent, present = {"If-None-Match": "*"}, {"If-Match": "*"}
    failed: dict[str, Any] = {"status": 412, "code": "precondition_failed"}
    await http.refused("PUT", "/v1/vectors/1", body, headers=present, **failed)
    await http.send("PUT", "/v1/vectors/1", body, status=200, headers=absent)
    await http.refused("PUT", "/v1/vectors/1", body, headers=absent, **failed)
    await http.send("PUT", "/v1/vectors/1", body, status=200, headers=present)


async def test_the_embedded_store_has_them_too(store: Store, tmp_path: Path) -> None:
    written = await store.insert(1, ZEROS, if_absent=True)
    await store.set_payload(1, {"a": 1}, if_match=written.lsn)
    for call in (
        store.insert(1, ZEROS, if_absent=True),
        store.upsert(1, ZEROS, if_match=written.lsn),
        store.set_payload(1, {}, if_match=written.lsn),
        store.merge_payload(1, {}, if_match=written.lsn),
        store.delete(1, if_match=written.lsn),
    ):
        with pytest.raises(Conflict) as caught:
            await call
        assert caught.value.code == "precondition_failed"
    for bad in (-1, True, "4"):
        with pytest.raises(Refused) as refused:
            await store.delete(1, if_match=bad)  # type: ignore[arg-type]
        assert refused.value.code == "bad_if_match"
    with pytest.raises(Refused):
        await store.insert(1, ZEROS, if_match=1, if_absent=True)
    await store.delete(1, if_match=(await store.get(1)).lsn)


def test_the_blocking_store_has_them_too(tmp_path: Path) -> None:
    with api.open_blocking(tmp_path, dim=4) as store:
        first = store.insert(1, ZEROS, if_absent=True).lsn
        second = store.upsert(1, ZEROS, if_match=first).lsn
        third = store.set_payload(1, {}, if_match=second).lsn
        fourth = store.merge_payload(1, {}, if_match=third).lsn
        with pytest.raises(Conflict):
            store.delete(1, if_match=third)
        store.delete(1, if_match=fourth)


async def test_both_clients_against_a_server(tmp_path: Path) -> None:
    with ForkedServer(tmp_path) as server:
        with Client(base_url=server.url) as client:
            client.create_index(4)
            first = client.insert(1, ZEROS, if_absent=True).lsn
            second = client.set_payload(1, {"a": 1}, if_match=first).lsn
            with pytest.raises(ClientConflict) as caught:
                client.upsert(1, ZEROS, if_match=first)
            assert (caught.value.code, caught.value.status) == ("precondition_failed", 412)
            with pytest.raises(InvalidRequest):
                client.insert(1, ZEROS, if_match=1, if_absent=True)
        async with AsyncClient(base_url=server.url) as other:
            third = (await other.merge_payload(1, {"b": 1}, if_match=second)).lsn
            fourth = (await other.upsert(1, ZEROS, if_match=third)).lsn
            with pytest.raises(ClientConflict):
                await other.delete(1, if_match=third)
            await other.delete(1, if_match=fourth)
