"""Numbers become the shortest JSON that reads back as exactly the same float32."""

from __future__ import annotations

import datetime as dt
import json
import uuid

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.client import InvalidRequest
from asteroid_cloud.client.protocol.encoding import (
    encode_id,
    encode_object,
    encode_vector,
    encode_vectors,
    shortest_doubles,
    vector_path,
)
from tests.support.names import NASTY

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(FLOATS, max_size=40))
def test_every_float32_survives_exactly(values: list[float]) -> None:
    sent = np.array(values, dtype=np.float32)
    read = np.array(json.loads(bytes(encode_vector(sent))), dtype=np.float64).astype(np.float32)
    assert read.tobytes() == sent.tobytes()  # -0.0 included


@given(st.integers(0, 2**32 - 1))
def test_every_bit_pattern_survives_exactly(bits: int) -> None:
    sent = np.array([bits], dtype=np.uint32).view(np.float32)
    if np.isfinite(sent[0]):
        assert shortest_doubles(sent).astype(np.float32).tobytes() == sent.tobytes()


def test_text_is_the_shortest_there_is() -> None:
    values = (np.random.default_rng(2).standard_normal(5000) / 20).astype(np.float32)
    for value, double in zip(values, shortest_doubles(values).tolist(), strict=True):
        shortest = float(np.format_float_scientific(value, unique=True))
        assert len(repr(double)) <= len(repr(shortest)), value
    assert bytes(encode_vector(np.array([0.1, 1, -2.5, 1e-7], dtype=np.float32))) == b"[0.1,1.0,-2.5,1e-7]"


def test_many_are_encoded_as_one_by_one() -> None:
    rows = np.random.default_rng(3).standard_normal((50, 7)).astype(np.float32)
    assert [bytes(raw) for raw in encode_vectors(list(rows))] == [bytes(encode_vector(row)) for row in rows]


def test_number_types() -> None:
    for vector in (
        [1, 2],
        (1, 2),
        np.array([1, 2], dtype=np.int8),
        np.array([1, 2], dtype=">f8"),
        range(1, 3),
    ):
        assert bytes(encode_vector(vector)) == b"[1.0,2.0]"
    assert bytes(encode_vector([])) == b"[]"


def test_ids() -> None:
    assert [encode_id(each) for each in (0, 2**64 - 1, np.uint64(2**64 - 1), "42")] == [
        0,
        2**64 - 1,
        2**64 - 1,
        "42",
    ]
    for name in NASTY:
        assert encode_id(name) == name
    for wrong in (np.True_, np.float64(1), "", "x" * 513, "\ud800", 2**64, b"1"):
        with pytest.raises(InvalidRequest):
            encode_id(wrong)


def test_an_id_stands_in_a_path_as_it_is() -> None:
    assert vector_path(7) == "/v1/vectors/7"
    assert vector_path("a/payload", "/payload") == "/v1/vectors/a%2Fpayload/payload"
    assert vector_path("é %") == "/v1/vectors/%C3%A9%20%25"
    for wrong in (".", ".."):
        with pytest.raises(InvalidRequest, match="use fetch"):
            vector_path(wrong)


def test_objects() -> None:
    value = {
        "a": np.float32(0.5),
        "b": np.int64(3),
        "c": np.arange(2),
        "d": dt.date(2026, 1, 2),
        "e": uuid.UUID(int=1),
        "f": [None, True, 2**63],
    }
    read = msgspec.json.decode(bytes(encode_object(value, "bad_payload", "metadata")))
    assert read["a"] == 0.5
    assert read["c"] == [0, 1]
    assert read["d"] == "2026-01-02"
    assert read["f"] == [None, True, 2**63]
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(InvalidRequest):
        encode_object(deep, "bad_payload", "metadata")
    while deep:  # taken apart level by level: freeing it at once would recurse as deeply
        inner = deep.pop("a")
        assert isinstance(inner, dict)
        deep = inner
