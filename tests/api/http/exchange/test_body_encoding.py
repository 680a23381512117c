"""Encoded bodies: gzip and zstd are read as the plain body is, within the same bounds."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.http.exchange.body_encoding import BodyDecoder
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.limits import BODY_BYTES_MAX
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import MIB
from tests.support.asgi import Answer, app_over, ask

pytestmark = pytest.mark.anyio
ROW = json.dumps({"id": 1, "vector": [1, 2], "metadata": {"text": "ü" * 500}}).encode()
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "ZSTD": zstandard.compress,
}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store of two dimensions."""
    async with api.open(tmp_path / "data", dim=2) as store:
        yield store


async def post(store: Store, encoding: str, *pieces: bytes, path: str = "/v1/vectors") -> Answer:
    """Sends a body in an encoding."""
    app = app_over(Settings(data=store.path), store)
    return await ask(app, "POST", path, pieces, headers={"Content-Encoding": encoding})


@pytest.mark.parametrize("encoding", ENCODERS)
async def test_an_encoded_body_is_read(store: Store, encoding: str) -> None:
    encoded = ENCODERS[encoding](ROW)
    assert (await post(store, encoding, encoded)).status == 201
    assert (await post(store, encoding, *(encoded[at : at + 1] for at in range(len(encoded))))).status == 201
    halves = ENCODERS[encoding](ROW[:9]) + ENCODERS[encoding](ROW[9:])
    assert (await post(store, encoding, halves)).status == 201
    assert await store.get_payload(1) == {"text": "ü" * 500}


@pytest.mark.parametrize("encoding", ["identity", " Identity ", ""])
async def test_identity_is_the_plain_body(store: Store, encoding: str) -> None:
    assert (await post(store, encoding, ROW)).status == 201


@pytest.mark.parametrize("encoding", ["br", "deflate", "compress", "gzip, gzip", "identity, gzip", "utf-8"])
async def test_another_encoding_is_refused(store: Store, encoding: str) -> None:
    told = (await post(store, encoding, ROW)).check_refused(415, "unsupported_encoding")
    assert encoding in told["error"]


@pytest.mark.parametrize("encoding", ENCODERS)
async def test_a_damaged_body_is_named(store: Store, encoding: str) -> None:
    encoded = ENCODERS[encoding](ROW)
    for wrong in (ROW, encoded[:-1], encoded + b"x", encoded[:3] + encoded[4:]):
        (await post(store, encoding, wrong)).check_refused(400, "bad_encoding")
    assert (await store.stats()).vectors == 0


@pytest.mark.parametrize("encoding", ENCODERS)
async def test_the_decoded_size_has_the_bound_of_the_plain_body(store: Store, encoding: str) -> None:
    fits = ENCODERS[encoding](ROW + b" " * (BODY_BYTES_MAX - len(ROW)))
    over = ENCODERS[encoding](ROW + b" " * (BODY_BYTES_MAX - len(ROW) + 1))
    assert (await post(store, encoding, fits)).status == 201
    told = (await post(store, encoding, over)).check_refused(413, "payload_too_large")
    assert told["limit"] == BODY_BYTES_MAX


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_one_step_of_a_bomb_is_small(encoding: str) -> None:
    compress = {"gzip": gzip.compress, "zstd": zstandard.compress}[encoding]
    bomb = compress(bytes(64 * MIB))
    steps = BodyDecoder(encoding).steps(bomb)
    assert max(len(next(steps)) for _ in range(4)) <= 8 * MIB


def test_a_frame_that_wants_a_large_window_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, compression_level=1)
    writer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(InvalidRequest) as caught:
        list(BodyDecoder("zstd").steps(writer.compress(bytes(100)) + writer.flush()))
    assert caught.value.code == "bad_encoding"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_bulk_load_may_be_encoded(store: Store, encoding: str) -> None:
    compress = {"gzip": gzip.compress, "zstd": zstandard.compress}[encoding]
    body = np.arange(20, dtype="<f4").tobytes() + json.dumps([{"n": n} for n in range(10)]).encode()
    app = app_over(Settings(data=store.path), store)
    headers = {"Content-Encoding": encoding, "X-Asteroid-N": "10", "X-Asteroid-Dim": "2"}
    answer = await ask(app, "POST", "/v1/build/bulk", [compress(body)], headers=headers)
    assert answer.status == 200, answer.body
    assert await store.get_payload(9) == {"n": 9}
