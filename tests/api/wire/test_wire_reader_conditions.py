"""The wire reader reads the conditions of items, and finds fields and elements for who reads them later."""

from __future__ import annotations

import pytest

from asteroid_cloud.api.wire.native import core
from tests.api.wire.test_wire_reader import DIM, body_of, item_of, read, refusal


def test_conditions_are_columns_that_are_empty_while_no_item_has_one() -> None:
    row = '"id":1,"vector":[1,2]'
    body = body_of(f"{{{row}}}", f'{{{row},"if_match":7}}', f'{{"if_match":"*",{row}}}', f"{{{row}}}")
    assert [each.tolist() for each in read(body)[4:6]] == [[-1, 7, -2, -1], []]
    body = body_of(f'{{{row},"on_existing":"fail"}}', f"{{{row}}}")[:-1] + rb',"on_existing":"sk\u0069p"}'
    assert [*read(body)[4:5], read(body)[5].tolist(), read(body)[6]][1:] == [[2, 255], 1]
    body = body_of(f'{{{row},"on_existing":"fail"}}', f'{{{row},"if_match":0,"on_existing":"replace"}}')
    assert [each.tolist() for each in read(body)[4:6]] == [[-1, 0], [2, 0]]


@pytest.mark.parametrize("value", ["-1", "1.0", "01", '"7"', "null", "true", "[]", "9007199254740992", "1e3"])
def test_what_is_no_lsn_is_refused(value: str) -> None:
    bad = f'{{"id":1,"vector":[1,2],"if_match":{value}}}'
    assert refusal(body_of(item_of(), bad))[:2] == ("bad_if_match", 1)


@pytest.mark.parametrize("value", ['"Skip"', '""', "null", "1", "[]", '"skip "'])
def test_what_is_to_happen_where_an_id_exists_has_three_words(value: str) -> None:
    bad = f'{{"id":1,"vector":[1,2],"on_existing":{value}}}'
    assert refusal(body_of(item_of(), bad))[:2] == ("bad_on_existing", 1)
    assert refusal(body_of(item_of())[:-1] + b',"on_existing":%s}' % value.encode())[:2] == (
        "bad_on_existing",
        -1,
    )


@pytest.mark.parametrize("name", ["if_match", "on_existing"])
def test_a_condition_is_given_once(name: str) -> None:
    value = {"if_match": "1", "on_existing": '"skip"'}[name]
    twice = f'{{"id":1,"vector":[1,2],"{name}":{value},"{name}":{value}}}'
    assert refusal(body_of(twice))[:2] == ("bad_json", 0)
    assert refusal(body_of(item_of())[:-1] + b',"on_existing":"skip","on_existing":"skip"}')[0] == "bad_json"


def test_a_list_of_items_may_stand_alone_and_be_empty() -> None:
    text = b' [{"id":3,"vector":[1,2],"metadata":{}}, {"id":4,"vector":[0,1]}] '
    columns = core.read_items(text, DIM, 5, 100, 4, is_list=True)
    assert columns[0].tolist() == [3, 4]
    assert text[columns[2][0] : columns[2][0] + columns[3][0]] == b"{}"
    assert core.read_items(b"[]", DIM, 5, 100, 4, is_list=True)[0].tolist() == []
    for text in (b"{}", b"[1]", b"[] []", b"null", b""):
        with pytest.raises(core.ReadError):
            core.read_items(text, DIM, 5, 100, 4, is_list=True)


def test_fields_and_elements_are_found_where_they_lie() -> None:
    body = rb' {"a": [1, {"b":2}] , "c": "x" ,"d":{}}'
    fields = core.read_fields(body)
    assert [(name, body[at : at + size]) for name, at, size in fields] == [
        ("a", b'[1, {"b":2}]'),
        ("c", b'"x"'),
        ("d", b"{}"),
    ]
    assert core.read_fields(b"{}") == []
    offsets, lengths = core.read_elements(b' [ 1 ,{"b":2}, "]" ]', 3)
    assert (offsets.tolist(), lengths.tolist()) == ([3, 6, 15], [1, 7, 3])
    assert core.read_elements(b"[]", 0)[0].tolist() == []


@pytest.mark.parametrize(
    "body", [b'{"a":1,"a":2}', rb'{"a":1,"\u0061":2}', b'{"a":01}', b"[]", b'{"a":1}}', b'{"a":}', b""]
)
def test_fields_of_what_is_no_object_are_refused(body: bytes) -> None:
    with pytest.raises(core.ReadError) as caught:
        core.read_fields(body)
    assert caught.value.args[0] == "bad_json"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"[1,2,3,4]", "too_many"),
        (b'[{"a":1,"a":2}]', "bad_json"),
        (b"[1,]", "bad_json"),
        (b"{}", "bad_json"),
        (b"[1] 2", "bad_json"),
        (b"[" * 70, "bad_json"),
    ],
)
def test_elements_of_what_is_no_array_are_refused(text: bytes, code: str) -> None:
    with pytest.raises(core.ReadError) as caught:
        core.read_elements(text, 3)
    assert caught.value.args[0] == code
