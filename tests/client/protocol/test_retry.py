"""What is sent again, what never is, and how long the pauses are."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from asteroid_cloud.client import (
    AsteroidError,
    Conflict,
    ConnectionFailed,
    DeadlineExceeded,
    InternalError,
    Overloaded,
    RateLimited,
    RetryPolicy,
    StorageError,
    Unavailable,
)
from asteroid_cloud.client.protocol.calls import Call, Reply, Retry
from asteroid_cloud.client.protocol.retry import Attempts, ServerMemory, may_retry
from tests.support.clients import Connect
from tests.support.faulty_server import FaultyServer, hang_up, refuse, reply

pytestmark = pytest.mark.anyio

READS: list[tuple[str, tuple[Any, ...]]] = [
    ("get", (1,)),
    ("get_payload", (1,)),
    ("search", ([1.0],)),
    ("search_batch", ([[1.0]],)),
    ("fetch", ([1],)),
    ("count", ()),
    ("get_index", ()),
    ("stats", ()),
    ("tags", ()),
]
WRITES: list[tuple[str, tuple[Any, ...]]] = [
    ("create_index", (1,)),
    ("delete_index", ()),
    ("insert", (1, [1.0])),
    ("upsert", (1, [1.0])),
    ("delete", (1,)),
    ("set_payload", (1, {})),
    ("merge_payload", (1, {})),
    ("insert_batch", ([(1, [1.0])],)),
    ("delete_many", ([1],)),
    ("merge_many", ({}, [1])),
    ("set", ({}, [1])),
    ("tag", ("a",)),
    ("untag", ("b",)),
    ("purge", ()),
]
BULK = ("bulk_build", (np.zeros((2, 1), dtype=np.float32),))


async def prepare(client: Any, name: str) -> None:
    if name == "create_index":
        return
    await client.create_index(1)
    if name != "bulk_build":
        await client.insert(1, [1.0])
    if name == "untag":
        await client.tag("b")


TROUBLES = [
    hang_up,
    refuse(503, "overloaded"),
    refuse(429, "rate_limited", "0"),
    reply(502, b"<html>", "text/html"),
    reply(503, b"<html>", "text/html"),
    reply(504, b"<html>", "text/html"),
    reply(429, b"<html>", "text/html"),
    reply(429, b'{"error":"slow down"}'),
]


@pytest.mark.parametrize(("name", "arguments"), READS)
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_reads_are_sent_again(
    client: Any, server: FaultyServer, name: str, arguments: tuple[Any, ...], trouble: Any
) -> None:
    await prepare(client, name)
    before = len(server.seen)
    server.script.extend([trouble, trouble])
    await getattr(client, name)(*arguments)
    sent = server.seen[before:]
    assert len({(each.method, each.path, str(each.body)) for each in sent}) == 1
    assert len(sent) == 3
    assert not server.script


@pytest.mark.parametrize(("name", "arguments"), WRITES)
@pytest.mark.parametrize(("status", "code"), [(503, "overloaded"), (503, "not_ready"), (429, "rate_limited")])
async def test_writes_are_sent_again_when_the_server_refused_them(
    client: Any, server: FaultyServer, name: str, arguments: tuple[Any, ...], status: int, code: str
) -> None:
    await prepare(client, name)
    before = len(server.seen)
    server.script.append(refuse(status, code))
    await getattr(client, name)(*arguments)
    assert len(server.seen) == before + 2


@pytest.mark.parametrize(("name", "arguments"), WRITES)
@pytest.mark.parametrize("uses_an_old_connection", [False, True])
async def test_a_write_is_sent_once_to_a_server_that_has_not_said_that_it_remembers(
    client: Any, server: FaultyServer, name: str, arguments: tuple[Any, ...], uses_an_old_connection: bool
) -> None:
    """Attack 16: PUT and DELETE were sent twice, by aiohttp on its own when the connection was an old one."""
    server.forgets = True
    if uses_an_old_connection:
        await client.get_index()
    before = len(server.seen)
    server.script.append(hang_up)
    with pytest.raises(ConnectionFailed) as caught:
        await getattr(client, name)(*arguments)
    assert caught.value.sent is True
    assert len(server.seen) == before + 1


@pytest.mark.parametrize(("name", "arguments"), WRITES)
@pytest.mark.parametrize("trouble", TROUBLES[3:])
async def test_a_write_is_sent_once_when_a_proxy_refuses(
    client: Any, server: FaultyServer, name: str, arguments: tuple[Any, ...], trouble: Any
) -> None:
    """Attack 18: a proxy may have passed the write on before it gave up."""
    server.script.append(trouble)
    with pytest.raises((Overloaded, InternalError)):
        await getattr(client, name)(*arguments)
    assert len(server.seen) == 1


@pytest.mark.parametrize(("name", "arguments"), WRITES)
@pytest.mark.parametrize("lost", [hang_up, reply(503, b"<html>", "text/html")])
async def test_a_write_whose_answer_is_lost_is_done_once_and_answered(
    client: Any, server: FaultyServer, name: str, arguments: tuple[Any, ...], lost: Any
) -> None:
    """Attack 18: it was done twice, or reported as failed although it was done."""
    await prepare(client, name)
    if name == "create_index":
        await client.delete_index()
    told: list[bytes] = []

    async def answer_nobody(request: web.Request) -> web.StreamResponse:
        done = await server.forward(request)
        assert isinstance(done, web.Response)
        assert done.status < 300
        assert isinstance(done.body, bytes)
        told.append(done.body)
        return await lost(request)

    async def answer(request: web.Request) -> web.StreamResponse:
        done = await server.forward(request)
        assert isinstance(done, web.Response)
        assert isinstance(done.body, bytes)
        told.append(done.body)
        return done

    before = len(server.seen)
    server.script.extend([answer_nobody, answer_nobody, answer])
    await getattr(client, name)(*arguments)
    sent = server.seen[before:]
    assert len(sent) == len(told) == 3
    assert len(set(told)) == 1
    assert len({each.headers["Idempotency-Key"] for each in sent}) == 1


async def test_each_write_has_a_key_of_its_own(client: Any, server: FaultyServer) -> None:
    for name, arguments in WRITES:
        await prepare(client, name)
        with suppress(AsteroidError):
            await getattr(client, name)(*arguments)
        await client.delete_index()
    keys = [each.headers.get("Idempotency-Key") for each in server.seen if each.method != "GET"]
    assert None not in keys
    assert len(set(keys)) == len(keys) > len(WRITES)


async def test_a_partial_count_is_raised_whoever_remembers(client: Any, server: FaultyServer) -> None:
    await client.get_index()
    server.script.append(refuse(503, "overloaded", deleted=6))
    with pytest.raises(Unavailable) as caught:
        await client.delete_many([1])
    assert caught.value.details["deleted"] == 6


@pytest.mark.parametrize(
    ("name", "arguments", "count"),
    [("delete_many", ([1],), "deleted"), ("merge_many", ({}, [1]), "patched"), ("set", ({}, [1]), "set")],
)
async def test_a_partial_count_is_raised_and_not_tried_again(
    client: Any, server: FaultyServer, name: str, arguments: tuple[Any, ...], count: str
) -> None:
    """Attack 18: the second attempt told of 0, although 6 had been done by the first."""
    server.script.append(refuse(503, "overloaded", **{count: 6}))
    with pytest.raises(Unavailable) as caught:
        await getattr(client, name)(*arguments)
    assert caught.value.details[count] == 6
    assert len(server.seen) == 1


async def test_counts_of_batches_before_a_partial_one_are_added(client: Any, server: FaultyServer) -> None:
    await client.create_index(1)
    server.script.extend([server.forward, refuse(503, "overloaded", inserted=1)])
    with pytest.raises(Unavailable) as caught:
        await client.insert_batch([(id, [1.0]) for id in range(4)], chunk_size=2)
    assert caught.value.details["inserted"] == 3


@pytest.mark.parametrize("trouble", [hang_up, refuse(503, "overloaded"), refuse(429, "rate_limited")])
async def test_bulk_build_is_never_sent_again(client: Any, server: FaultyServer, trouble: Any) -> None:
    server.script.append(trouble)
    name, arguments = BULK
    with pytest.raises((ConnectionFailed, Unavailable, RateLimited)):
        await getattr(client, name)(*arguments)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"), [(409, "conflict", Conflict), (503, "poisoned", StorageError)]
)
async def test_final_answers_are_final(
    client: Any, server: FaultyServer, status: int, code: str, kind: type[AsteroidError]
) -> None:
    server.script.append(refuse(status, code, "0"))
    with pytest.raises(kind):
        await client.get(1)
    assert len(server.seen) == 1


async def test_attempts_are_bounded(client: Any, server: FaultyServer) -> None:
    server.script.extend([refuse(503, "overloaded")] * 10)
    with pytest.raises(Unavailable):
        await client.get(1)
    assert len(server.seen) == 4


async def test_wait_for_is_patient(client: Any, server: FaultyServer) -> None:
    server.script.extend([refuse(503, "not_caught_up")] * 10)
    assert await client.wait_for(0) >= 0
    assert len(server.seen) == 11


async def test_refused_connection_is_known_as_unsent(connect: Connect, server: FaultyServer) -> None:
    client = connect(timeout=5.0)
    server.stop()
    with pytest.raises(ConnectionFailed) as caught:
        await client.create_index(1)
    assert caught.value.sent is False
    assert caught.value.code == "connection_failed"


def attempts(retry: Retry = Retry.ALWAYS, *, timeout_s: float = 60.0, patient: bool = False) -> Attempts:
    def parse(reply: Reply) -> None:
        return None

    policy = RetryPolicy(attempts_max=4, first_pause_s=0.5, pause_s_max=1.0)
    return Attempts(Call("GET", "/", parse, retry=retry, patient=patient), policy, timeout_s)


def test_pauses_grow_up_to_the_limit() -> None:
    for _ in range(100):
        tried = attempts()
        pauses = [tried.pause_after(ConnectionFailed("cut")) for _ in range(4)]
        assert pauses[3] is None
        assert all(
            pause is not None and 0 <= pause <= most
            for pause, most in zip(pauses, (0.5, 1.0, 1.0), strict=False)
        )


def test_pauses_are_spread() -> None:
    pauses = {attempts().pause_after(ConnectionFailed("cut")) for _ in range(50)}
    assert len(pauses) > 40


def test_retry_after_is_a_lower_bound() -> None:
    error = RateLimited("slow down", status=429, retry_after_s=7.0)
    pause = attempts().pause_after(error)
    assert pause is not None
    assert 7.0 <= pause <= 7.5


def test_a_pause_past_the_deadline_is_not_begun() -> None:
    error = RateLimited("slow down", status=429, retry_after_s=7.0)
    assert attempts(timeout_s=5.0).pause_after(error) is None


def test_without_a_number_of_attempts_only_the_time_limits_them() -> None:
    tried = attempts()
    tried.policy = RetryPolicy(first_pause_s=0.0)
    assert all(tried.pause_after(ConnectionFailed("refused", sent=False)) is not None for _ in range(2000))
    tried.deadline = time.monotonic()
    assert tried.pause_after(ConnectionFailed("refused", sent=False)) is None


def test_a_patient_call_goes_on_for_long() -> None:
    tried = attempts(patient=True)
    error = Unavailable("not yet", status=503)
    assert all(tried.pause_after(error) is not None for _ in range(2000))


def test_no_time_left() -> None:
    with pytest.raises(DeadlineExceeded):
        attempts(timeout_s=0.0).left_s()


@pytest.mark.parametrize(
    ("retry", "error", "expected"),
    [
        (Retry.ALWAYS, ConnectionFailed("cut"), True),
        (Retry.UNSENT, ConnectionFailed("cut"), False),
        (Retry.UNSENT, ConnectionFailed("refused", sent=False), True),
        (Retry.NEVER, ConnectionFailed("refused", sent=False), False),
        (Retry.ALWAYS, DeadlineExceeded("late"), False),
        (Retry.UNSENT, Unavailable("busy", status=503), False),
        (Retry.UNSENT, Unavailable("busy", status=503, code="overloaded"), True),
        (Retry.UNSENT, Unavailable("late", status=503, code="not_caught_up"), False),
        (Retry.ALWAYS, Unavailable("not from a server"), False),
        (Retry.ALWAYS, InternalError("a bug", status=500), False),
        (Retry.ALWAYS, ConnectionFailed("unknown issuer", code="bad_certificate", sent=False), False),
        (Retry.NEVER, RateLimited("busy", status=429), False),
        (Retry.ALWAYS, Conflict("no", status=409), False),
        (Retry.ALWAYS, Unavailable("costly", code="too_costly", status=503), False),
    ],
)
def test_may_retry(retry: Retry, error: AsteroidError, expected: bool) -> None:
    assert may_retry(retry, error) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionFailed("cut"), True),
        (DeadlineExceeded("late"), False),
        (Unavailable("busy", status=503), True),
        (Unavailable("busy", status=503, details={"patched": 1}), False),
        (InternalError("no answer from the server", status=502), True),
        (InternalError("a bug", status=500), False),
        (Conflict("no", status=409), False),
        (Unavailable("costly", code="too_costly", status=503), False),
    ],
)
def test_a_remembered_write_may_be_sent_again_as_a_read(error: AsteroidError, expected: bool) -> None:
    assert may_retry(Retry.UNSENT, error, True) is expected
    assert may_retry(Retry.NEVER, error, True) is False


def test_only_an_answer_of_the_server_itself_says_whether_it_remembers() -> None:
    memory = ServerMemory()
    steps = [
        ({"X-Asteroid-Store": "a"}, False),
        ({"X-Asteroid-Store": "a", "X-Asteroid-Idempotency": "86400"}, True),
        ({"Via": "a proxy"}, True),
        ({"X-Asteroid-Store": "a"}, False),
    ]
    for headers, expected in steps:
        memory.learn(headers)
        assert memory.is_known is expected


@pytest.mark.parametrize(
    ("text", "low", "high"), [("3", 3, 3), ("0.5", 0.5, 0.5), ("-4", 0, 0), ("soon", None, None)]
)
def test_retry_after_as_text(text: str, low: float | None, high: float | None) -> None:
    wait_s = Reply(503, {"Retry-After": text}, b"").retry_after_s
    assert wait_s == low == high


def test_retry_after_as_a_date() -> None:
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 100))
    wait_s = Reply(503, {"Retry-After": later}, b"").retry_after_s
    assert wait_s is not None
    assert 90 < wait_s <= 100
    past = Reply(503, {"Retry-After": "Mon, 01 Jan 2001 00:00:00 GMT"}, b"").retry_after_s
    assert past == 0.0


def test_only_an_answer_of_the_server_itself_says_that_it_takes_base64() -> None:
    memory = ServerMemory()
    steps = [
        ({"X-Asteroid-Store": "a"}, False),
        ({"X-Asteroid-Store": "a", "X-Asteroid-Vectors": "float16, base64"}, True),
        ({"Via": "a proxy"}, True),
        ({"X-Asteroid-Store": "a", "X-Asteroid-Vectors": "base64url"}, False),
    ]
    for headers, expected in steps:
        memory.learn(headers)
        assert memory.takes_base64 is expected
