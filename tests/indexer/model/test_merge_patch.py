"""JSON merge-patch, by the examples of RFC 7396, appendix A, that concern objects."""

from __future__ import annotations

import msgspec
import pytest

from asteroid_cloud.indexer.model.merge_patch import Json, apply_patch, merge_payload


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        (["c"], {"a": "b", "c": None}, {"a": "b"}),
    ],
)
def test_examples(target: Json, patch: Json, result: Json) -> None:
    assert apply_patch(target, patch) == result


def test_texts_keep_integers_exact_and_the_empty_object_is_no_payload() -> None:
    merged = merge_payload(b'{"n":18446744073709551615,"x":1}', b'{"x":null}')
    assert msgspec.json.decode(merged) == {"n": 18446744073709551615}
    assert merge_payload(b"", b'{"a":null}') == b""
    assert merge_payload(b'{"a":1}', b'{"a":null}') == b""
