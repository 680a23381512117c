"""What is wrong with a body is named: it is empty, has half a surrogate pair, or has a key twice."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.api.wire.json_faults import fault_of, repeated_key
from asteroid_cloud.api.wire.requests import INSERT, SEARCH, decode, payload_of
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import PAYLOAD_BYTES_DEFAULT

TREES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def has_repeated(text: bytes) -> bool:
    """The same by another way."""
    found = []

    def note(pairs: list[tuple[str, object]]) -> None:
        found.append(len({key for key, _ in pairs}) < len(pairs))

    json.loads(text, object_pairs_hook=note)
    return any(found)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (b'{"a":1,"a":2}', "a"),
        (b'{"a":{"b":1,"c":[{"b":1}, {"x":1,"x" : 2}]}}', "x"),
        (rb'{"a":1,"\u0061":2}', "a"),
        (rb'{"\"":1,"\"":2}', '"'),
        ('{"ü":1,"ü":2}'.encode(), "ü"),
        (b'{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}', None),
        (rb'{"a":"b\":","b":"a\\"}', None),
        (b'{"a":"{","b":"}","c":{"a":"a"}}', None),
        (b"[1,2]", None),
    ],
)
def test_a_key_that_an_object_has_twice_is_found(text: bytes, key: str | None) -> None:
    assert repeated_key(text) == key
    assert has_repeated(text) == (key is not None)


@given(TREES, st.booleans())
def test_valid_json_has_none(tree: object, ascii_only: bool) -> None:
    assert repeated_key(json.dumps(tree, ensure_ascii=ascii_only).encode("utf-8", "replace")) is None


@pytest.mark.parametrize(
    "text", [rb'{"a":"\ud800"}', rb'{"a":"\udfff b"}', rb'"\ud800x\udc00"', rb'"\\\uD9ab"']
)
def test_half_a_surrogate_pair_is_named(text: bytes) -> None:
    told = fault_of(text)
    assert told is not None
    assert "surrogate" in told
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(text)


@pytest.mark.parametrize("text", [rb'"\ud83d\ude00"', rb'"\\ud800"', rb'"\u00e9\n"', b"{}"])
def test_whole_characters_are_none(text: bytes) -> None:
    assert fault_of(text) is None


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"vector":[1],"vector":[2]}', "'vector'"),
        (b'{"vector":[1],"filter":{"a":1,"a":2}}', "'a'"),
        (rb'{"vector":[1],"filter":{"a":"\ud800"}}', "surrogate"),
    ],
)
def test_row_22_a_body_is_refused_by_name(body: bytes, word: str) -> None:
    with pytest.raises(InvalidRequest, match=word) as caught:
        decode(SEARCH, body)
    assert caught.value.code == "bad_json"


def test_row_22_keys_that_are_given_twice_are_refused_in_payloads_too() -> None:
    with pytest.raises(InvalidRequest, match="'a'"):
        decode(INSERT, b'{"id":1,"vector":[1],"metadata":{"b":{"a":1,"a":2}}}')
    for body, word in ((b'{"a":1,"a":2}', "'a'"), (b"", "empty"), (rb'{"a":"\udc00"}', "surrogate")):
        with pytest.raises(InvalidRequest, match=word) as caught:
            payload_of(body, PAYLOAD_BYTES_DEFAULT)
        assert caught.value.code == "bad_payload"
    text = b'{"a":{"b":1},"c":{"b":1}}'
    assert payload_of(text, PAYLOAD_BYTES_DEFAULT) == text
