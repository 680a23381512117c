"""The published client, lsmvec-client 0.2.0 and unmodified, in all its methods against a real server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lsmvec_client import (  # type: ignore[import-untyped]
    Client,
    Conflict,
    InvalidArgument,
    LSMVecError,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    SearchResult,
    ServerError,
    Unauthorized,
)

from ops.forked_server import ForkedServer

KEY = "sk-live-of-the-test"
DIM = 4
NEAR, FAR = [1.0, 0.0, 0.0, 0.0], [0.0, 9.0, 0.0, 0.0]


def wait_until_ready(client: Any) -> None:
    """Asks until recovery is over; the test's own timeout ends it otherwise."""
    while not client.ready():
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedServer]:
    """One server for all tests of this file."""
    with ForkedServer(tmp_path_factory.mktemp("published"), "--api-key", KEY, "--dim", str(DIM)) as server:
        wait_until_ready(Client(api_key=KEY, base_url=server.url))
        yield server


@pytest.fixture
def bare(server: ForkedServer) -> Any:
    """A client of a server that has no index."""
    client = Client(api_key=KEY, base_url=server.url)
    client.delete_index()
    return client


@pytest.fixture
def client(bare: Any) -> Any:
    """A client of a server with an empty index."""
    bare.create_index(DIM)
    return bare


def test_it_is_the_client_that_was_published() -> None:
    assert version("lsmvec-client") == "0.2.0"
    methods = {name for name in vars(Client) if not name.startswith("_")}
    assert methods == {
        *("health", "ready", "stats", "create_index", "get_index", "delete_index"),
        *("insert", "upsert", "get", "delete", "get_payload", "set_payload", "merge_payload"),
        *("search", "insert_batch", "bulk_build"),
    }


def test_health_needs_neither_key_nor_index(server: ForkedServer, bare: Any) -> None:
    assert bare.health() is True
    assert Client(base_url=server.url).health() is True
    assert bare.ready() is False
    bare.create_index(DIM)
    assert bare.ready() is True
    assert Client(base_url=server.url).ready() is False


def test_the_life_of_an_index(bare: Any) -> None:
    assert bare.get_index().items() >= {"initialized": False, "dim": None, "metric": None}.items()
    made = bare.create_index(DIM, "cosine")
    assert made.items() >= {"dim": DIM, "metric": "cosine", "initialized": True}.items()
    assert bare.get_index().items() >= {"initialized": True, "dim": DIM, "metric": "cosine"}.items()
    with pytest.raises(Conflict) as caught:
        bare.create_index(DIM)
    assert (caught.value.status, caught.value.code) == (409, "index_already_initialized")
    assert bare.delete_index()["initialized"] is False
    assert bare.delete_index()["initialized"] is False
    assert bare.create_index(dim=2)["metric"] == "l2"


def test_a_vector_is_inserted_fetched_replaced_and_deleted(client: Any) -> None:
    assert client.insert(7, NEAR, metadata={"year": 2026}) is None
    found = client.get(7)
    assert found["id"] == 7
    assert found["vector"] == pytest.approx(NEAR, abs=0.02)
    assert client.upsert(7, np.array(FAR, np.float32)) is None
    assert client.get(7)["vector"] == pytest.approx(FAR, abs=0.05)
    assert client.get_payload(7) == {"year": 2026}
    assert client.stats()["vectors"] == 1
    assert client.delete(7) is None
    assert client.delete(7) is None
    with pytest.raises(NotFound) as caught:
        client.get(7)
    assert (caught.value.status, caught.value.code) == (404, "not_found")
    assert client.stats()["vectors"] == 0


def test_metadata_of_an_insert_as_its_docstring_says(client: Any) -> None:
    client.insert(1, NEAR, metadata={"a": 1, "b": None})
    client.insert(1, NEAR)
    assert client.get_payload(1) == {"a": 1, "b": None}
    client.insert(1, NEAR, metadata={"c": [1, {"d": "é"}]})
    assert client.get_payload(1) == {"c": [1, {"d": "é"}]}
    client.insert(1, NEAR, metadata={})
    assert client.get_payload(1) == {}
    client.set_payload(1, {"a": 1})
    client.delete(1)
    client.insert(1, NEAR)
    assert client.get_payload(1) == {}


def test_payloads_are_replaced_and_merged(client: Any) -> None:
    client.insert(1, NEAR)
    assert client.set_payload(1, {"category": "docs", "deep": {"x": 1, "y": 2}, "n": None}) is None
    assert client.get_payload(1) == {"category": "docs", "deep": {"x": 1, "y": 2}, "n": None}
    assert client.merge_payload(1, {"views": 2**60 + 1, "deep": {"y": None}, "n": None}) is None
    assert client.get_payload(1) == {"category": "docs", "deep": {"x": 1}, "views": 2**60 + 1}
    absent: list[tuple[str, tuple[Any, ...]]]
    absent = [("set_payload", (2, {})), ("merge_payload", (2, {})), ("get_payload", (2,))]
    for name, arguments in absent:
        with pytest.raises(NotFound) as caught:
            getattr(client, name)(*arguments)
        assert (caught.value.status, caught.value.code) == (404, "not_found")


def test_search_gives_its_own_results_nearest_first(client: Any) -> None:
    assert client.search(NEAR) == []
    for id in range(20):
        client.insert(id, [float(id), 0.0, 0.0, 0.0], metadata={"even": id % 2 == 0, "n": id})
    hits = client.search([3.1, 0.0, 0.0, 0.0], k=3, ef_search=50)
    assert all(isinstance(hit, SearchResult) for hit in hits)
    assert [hit.id for hit in hits] == [3, 4, 2]
    assert [hit.distance for hit in hits] == pytest.approx([0.1, 0.9, 1.1], abs=0.1)
    assert len(client.search(np.zeros(DIM))) == 10
    assert len(client.search(np.zeros(DIM), k=100)) == 20
    both = {"$and": [{"even": {"$eq": True}}, {"n": {"$gte": 7}}]}
    assert [hit.id for hit in client.search(np.zeros(DIM), k=3, filter=both)] == [8, 10, 12]
    assert client.search(np.zeros(DIM), filter={"n": {"$in": []}}) == []


def test_a_batch_may_be_endless_and_its_ids_sparse(client: Any) -> None:
    ids = [0, 2**31 + 5, 2**53 + 1, 2**63, 2**64 - 1]
    items = ((id, [float(n), 0.0, 0.0, 0.0], {"id": str(id)}) for n, id in enumerate(ids))
    assert client.insert_batch(items, chunk_size=2) == 5
    assert [hit.id for hit in client.search(np.zeros(DIM))] == ids
    for id in ids:
        assert client.get(id)["id"] == id
        assert client.get_payload(id) == {"id": str(id)}
    assert client.insert_batch([(0, np.ones(DIM)), (0, np.zeros(DIM), {})]) == 2
    assert client.get_payload(0) == {}
    assert client.insert_batch([]) == 0
    assert client.stats()["vectors"] == 5


def test_a_batch_with_a_bad_item_writes_nothing(client: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        client.insert_batch([(1, NEAR), (2, [1.0])])
    assert (caught.value.status, caught.value.code) == (400, "bad_item")
    assert caught.value.details["index"] == 1
    assert client.stats()["vectors"] == 0
    with pytest.raises(PayloadTooLarge) as too_many:
        client.insert_batch(((id, NEAR) for id in range(10_001)), chunk_size=20_000)
    assert (too_many.value.status, too_many.value.code) == (413, "batch_too_large")


@pytest.mark.parametrize("as_array", [True, False])
def test_bulk_build_with_payloads(client: Any, as_array: bool) -> None:
    vectors = np.arange(400, dtype=np.float32).reshape(100, DIM)
    payloads = [{"row": row} if row % 3 else None for row in range(100)]
    given = vectors if as_array else vectors.tolist()
    report = client.bulk_build(given, dim=DIM, threads=2, payloads=payloads)
    assert (report["n"], report["payloads_written"]) == (100, 66)
    assert report["elapsed_ms"] > 0
    assert report["vectors_per_sec"] > 0
    assert report["threads"] in (1, 2)
    assert [hit.id for hit in client.search(vectors[42], k=1)] == [42]
    assert client.get_payload(42) == {}
    assert client.get_payload(43) == {"row": 43}
    assert client.stats()["vectors"] == 100
    with pytest.raises(Conflict) as caught:
        client.bulk_build(vectors)
    assert (caught.value.status, caught.value.code) == (409, "index_not_empty")


def test_bulk_build_without_payloads(client: Any) -> None:
    assert client.bulk_build(np.eye(DIM, dtype=np.float64))["payloads_written"] == 0
    assert [hit.id for hit in client.search(np.eye(DIM)[2], k=1)] == [2]


def test_stats_tell_of_the_index(client: Any) -> None:
    client.insert(1, NEAR)
    told = client.stats()
    assert (told["vectors"], told["dim"], told["metric"]) == (1, DIM, "l2")
    assert told["memory_bytes"] > 0


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("insert", (1, [1.0]), "wrong_dim"),
        ("insert", (1, [float("nan"), 0.0, 0.0, 0.0]), "bad_vector"),
        ("insert", (1, [1e39, 0.0, 0.0, 0.0]), "bad_vector"),
        ("insert", (-1, NEAR), "bad_id"),
        ("insert", (2**64, NEAR), "bad_id"),
        ("insert", (1, NEAR, [1]), "bad_payload"),
        ("upsert", (1, [1.0] * 5), "wrong_dim"),
        ("get", (2**64,), "bad_id"),
        ("set_payload", (1, [1]), "bad_payload"),
        ("merge_payload", (1, "text"), "bad_payload"),
        ("search", (NEAR, 0), "bad_k"),
        ("search", (NEAR, 10_001), "bad_k"),
        ("search", ([1.0],), "wrong_dim"),
        ("search", (NEAR, 10, 128, {"a": {"$near": 1}}), "bad_filter"),
        ("bulk_build", ([[1.0, 2.0]],), "wrong_dim"),
    ],
)
def test_bad_arguments_are_named(client: Any, name: str, arguments: tuple[Any, ...], code: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        getattr(client, name)(*arguments)
    assert (caught.value.status, caught.value.code) == (400, code)
    assert str(caught.value) == caught.value.details["error"]
    assert client.stats()["vectors"] == 0


@pytest.mark.parametrize(("dim", "metric", "code"), [(0, "l2", "bad_dim"), (DIM, "l1", "bad_metric")])
def test_a_bad_index_is_refused(bare: Any, dim: int, metric: str, code: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        bare.create_index(dim, metric)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("insert", (1, NEAR)),
        ("upsert", (1, NEAR)),
        ("get", (1,)),
        ("delete", (1,)),
        ("get_payload", (1,)),
        ("set_payload", (1, {})),
        ("merge_payload", (1, {})),
        ("search", (NEAR,)),
        ("insert_batch", ([(1, NEAR)],)),
        ("bulk_build", ([NEAR],)),
    ],
)
def test_data_needs_an_index(bare: Any, name: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(Conflict) as caught:
        getattr(bare, name)(*arguments)
    assert (caught.value.status, caught.value.code) == (409, "index_not_initialized")


@pytest.mark.parametrize("key", ["", "wrong", KEY + "x", KEY[:-1]])
def test_a_key_is_needed(server: ForkedServer, client: Any, key: str) -> None:
    stranger = Client(api_key=key, base_url=server.url)
    for call in (stranger.stats, stranger.delete_index, lambda: stranger.insert(1, NEAR)):
        with pytest.raises(Unauthorized) as caught:
            call()
        assert (caught.value.status, caught.value.code) == (401, "unauthorized")
    assert client.get_index()["initialized"] is True


def test_a_server_may_have_its_index_from_the_start(tmp_path: Path) -> None:
    with ForkedServer(tmp_path / "data", "--dim", str(DIM), "--metric", "cosine") as server:
        client = Client(base_url=server.url)
        wait_until_ready(client)
        assert client.get_index().items() >= {"initialized": True, "dim": DIM, "metric": "cosine"}.items()
        client.insert(1, NEAR)
        assert client.search([2.0, 0.0, 0.0, 0.0])[0].distance == pytest.approx(0.0, abs=0.01)


def test_a_caller_over_its_rate_is_told_so(tmp_path: Path) -> None:
    refusals = []
    with ForkedServer(tmp_path / "data", "--rate-limit", "0.5") as server:
        client = Client(base_url=server.url)
        for _ in range(50):
            try:
                client.get_index()
            except LSMVecError as error:  # among them ServerError, as long as the store is recovering
                refusals.append(error)
        assert client.health() is True
    limited = [error for error in refusals if isinstance(error, RateLimited)]
    assert limited
    assert {(error.status, error.code) for error in limited} == {(429, "rate_limited")}


def test_nobody_there_is_an_error_of_the_client() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = Client(base_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        assert client.health() is False
        with pytest.raises(LSMVecError) as caught:
            client.stats()
    assert not isinstance(caught.value, ServerError)
