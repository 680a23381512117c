"""The wire reader agrees with Python's json on generated bodies, good and broken ones."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import msgspec
import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from asteroid_cloud.api.wire.native import core

DIM = 2
ITEMS_MAX = 5
BYTES_MAX = 10**6
DEPTH_MAX = 64

ids = st.integers(0, 2**64 - 1)
floats = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.floats(-1e30, 1e30)
numbers = floats | st.integers(-(2**100), 2**100)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
payloads = st.dictionaries(st.text(), json_values, max_size=3)
items = st.fixed_dictionaries(
    {"id": ids | ids.map(str), "vector": st.lists(numbers, min_size=DIM, max_size=DIM)},
    optional={"metadata": payloads},
)
layouts: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 1, "\t", "\r\n "])},
)


def strict_json(text: bytes) -> Any:
    """What Python makes of it; ValueError when it is not RFC 8259 in UTF-8."""

    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    return json.loads(text.decode("utf-8"), parse_constant=refuse)


@given(st.lists(items, min_size=1, max_size=5), layouts)
def test_valid_bodies_agree_with_python(batch: list[dict[str, Any]], layout: dict[str, Any]) -> None:
    body = json.dumps({"items": batch}, **layout).encode()
    got_ids, vectors, offsets, lengths, *_ = core.read_items(body, DIM, ITEMS_MAX, BYTES_MAX, DEPTH_MAX)
    assert got_ids.tolist() == [int(item["id"]) for item in batch]
    expected = np.array([[np.float32(float(x)) for x in item["vector"]] for item in batch], np.float32)
    assert vectors.tobytes() == expected.tobytes()
    for item, offset, length in zip(batch, offsets, lengths, strict=True):
        if "metadata" in item:
            text = body[offset : offset + length]
            assert json.loads(text) == item["metadata"]
            msgspec.json.decode(text)
        else:
            assert (offset, length) == (-1, 0)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid body with a few of its bytes cut, doubled or changed."""
    body = bytearray(
        json.dumps({"items": draw(st.lists(items, min_size=1, max_size=2))}, **draw(layouts)).encode()
    )
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(0, len(body)))
        last = draw(st.integers(first, min(len(body), first + 8)))
        new = draw(
            st.sampled_from(
                [b"", b'"', b"\\", b"[", b"]", b"{", b"}", b",", b":", b"0", b"-", b"e9", b".", b"\xff"]
            )
        )
        body[first:last] = draw(st.sampled_from([new, bytes(body[first:last]) * 2]))
    return bytes(body)


def is_misplaced(parsed: Any) -> bool:
    """Whether a container of a well formed body is not where it must be."""
    batch = parsed.get("items") if isinstance(parsed, dict) else None
    return not isinstance(batch, list) or not all(isinstance(item, dict) for item in batch)


@given(mutated() | st.binary(max_size=40))
@example(b'{"items":[{"id":1,"vector":[1,2],"metadata":{"a":1e400}}]}')
@example(b'{"items":1}')
def test_what_is_read_is_json_and_what_is_json_is_not_called_malformed(body: bytes) -> None:
    try:
        parsed = strict_json(body)
    except (ValueError, RecursionError):
        parsed = None
    refused: tuple[str, int, str] | None = None
    try:
        got_ids = core.read_items(body, DIM, ITEMS_MAX, BYTES_MAX, DEPTH_MAX)[0].tolist()
    except core.ReadError as error:
        refused = error.args
    if refused is None:
        assert got_ids == [int(item["id"]) for item in parsed["items"]]
    elif refused[0] == "bad_json" and parsed is not None:
        assert is_misplaced(parsed) or "surrogate" in refused[2]


@given(st.lists(st.none() | payloads, max_size=6), layouts)
def test_payload_arrays_agree_with_python(
    values: list[dict[str, Any] | None], layout: dict[str, Any]
) -> None:
    body = json.dumps(values, **layout).encode()
    offsets, lengths = core.read_objects(body, len(values), BYTES_MAX, DEPTH_MAX)
    texts = [body[o : o + n] if o >= 0 else b"null" for o, n in zip(offsets, lengths, strict=True)]
    assert [json.loads(text) for text in texts] == values
