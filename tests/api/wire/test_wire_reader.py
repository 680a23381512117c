"""The wire reader turns bodies into columns, and refuses each kind of bad body by its own code."""

from __future__ import annotations

import json
import math
import threading
from typing import Any

import numpy as np
import pytest

from asteroid_cloud.api.wire.native import core

DIM = 2
BYTES_MAX = 1_000
DEPTH_MAX = 64


def read(body: bytes, dim: int = DIM, items_max: int = 5, bytes_max: int = 10**6) -> tuple[Any, ...]:
    return core.read_items(body, dim, items_max, bytes_max, DEPTH_MAX)


def refusal(body: bytes, **bounds: int) -> tuple[str, int, str]:
    with pytest.raises(core.ReadError) as caught:
        read(body, **bounds)
    code, index, message = caught.value.args
    assert message
    return code, index, message


def body_of(*members: str) -> bytes:
    return ('{"items":[' + ",".join(members) + "]}").encode("utf-8", "surrogateescape")


def item_of(id_text: str = "1", vector: str = "[1,2]", metadata: str | None = None) -> str:
    tail = "" if metadata is None else f',"metadata":{metadata}'
    return f'{{"id":{id_text},"vector":{vector}{tail}}}'


def words(table: str) -> list[str]:
    return table.split()


def test_a_batch_becomes_columns() -> None:
    body = (
        b' {"items" : [ {"id": 7, "vector": [1, -2.5e1]},'
        b'\t\r\n{"metadata": {"a": [1]} , "vector":[0,1E-2], "id":"0"}] }\n'
    )
    got_ids, vectors, offsets, lengths, if_match, existing, of_all = read(body)
    assert (got_ids.dtype, vectors.dtype) == (np.uint64, np.float32)
    assert got_ids.tolist() == [7, 0]
    assert vectors.tolist() == [[1, -25], [0, float(np.float32(0.01))]]
    assert offsets[0] == -1
    assert body[offsets[1] : offsets[1] + lengths[1]] == b'{"a": [1]}'
    assert (if_match.tolist(), existing.tolist(), of_all) == ([], [], 255)


@pytest.mark.parametrize("body", [bytearray(body_of(item_of())), memoryview(body_of(item_of()))])
def test_any_buffer_will_do(body: bytearray | memoryview) -> None:
    assert core.read_items(body, DIM, 1, 0, 1)[0].tolist() == [1]


def test_keys_may_be_escaped() -> None:
    body = rb'{"\u0069tems":[{"i\u0064":"\u0034\u0032","vector":[2,3]}]}'
    got_ids, vectors, *_ = read(body)
    assert (got_ids.tolist(), vectors.tolist()) == ([42], [[2, 3]])


@pytest.mark.parametrize(
    ("body", "index", "key"),
    [
        (b'{"items":[{"id":1,"vector":[1,1]}],"items":[]}', -1, "items"),
        (rb'{"items":[{"id":1,"vector":[1,1],"i\u0064":2}]}', 0, "id"),
        (b'{"items":[{"id":1,"vector":[1,1],"vector":[1,1]}]}', 0, "vector"),
        (b'{"items":[{"id":1,"vector":[1,1],"metadata":{},"metadata":{}}]}', 0, "metadata"),
    ],
)
def test_a_key_given_twice_is_named(body: bytes, index: int, key: str) -> None:
    code, found, message = refusal(body)
    assert (code, found) == ("bad_json", index)
    assert f"'{key}' is given twice" in message


@pytest.mark.parametrize(
    ("metadata", "key"),
    [
        ('{"a":1,"a":2}', "a"),
        ('{"b":[1,{"c" : 1, "d":{}, "c":2}]}', "c"),
        (r'{"a":1,"\u0061":2}', "a"),
        (r'{"\"":1,"\"":2}', '"'),
        ('{"é":1,"b":2,"é":3}', "é"),
        ('{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4},"a"]}', None),
        (r'{"a":"b\":","b":"a\\","c":"{"}', None),
        ('{"' + '":0,"'.join(str(number) for number in range(10_000)) + '":0}', None),
    ],
)
def test_a_key_that_metadata_has_twice_is_named(metadata: str, key: str | None) -> None:
    body = body_of(item_of("5"), item_of(metadata=metadata)).decode("utf-8", "surrogateescape").encode()
    if key is None:
        assert read(body)[0].tolist() == [5, 1]
        return
    code, index, message = refusal(body)
    assert (code, index) == ("bad_payload", 1)
    assert f"the key '{key}' twice" in message
    with pytest.raises(core.ReadError) as caught:
        core.read_objects(f"[null,{metadata}]".encode(), 2, BYTES_MAX, DEPTH_MAX)
    assert caught.value.args[:2] == ("bad_payload", 1)


@pytest.mark.parametrize("text", ["0", "18446744073709551615", '"0"', '"18446744073709551615"', r'"1\u0030"'])
def test_ids_at_the_borders(text: str) -> None:
    assert read(body_of(item_of(text)))[0].tolist() == [int(json.loads(text))]


BAD_IDS = [
    *words("true false null -1 -0 1.0 1e3 1E0 01 00 +1 NaN Infinity 18446744073709551616 [] [1] {}"),
    *words('"" "-1" "+1" "01" "00" "1.0" "1e3" "0x1" "18446744073709551616" "true" "é"'),
    *['" 1"', '"1 "', r'"\u002b1"', r'"1\u0000"', "9" * 1000],
]


@pytest.mark.parametrize("text", BAD_IDS)
def test_bad_ids(text: str) -> None:
    assert refusal(body_of(item_of("5"), item_of(text)))[:2] == ("bad_id", 1)


BAD_VECTORS = [
    *words('null true 1 -1 NaN {} "x" ["1",2] [[1],2] [{},1] [null,1] [1,true] [1,false]'),
    *words("[NaN,1] [1,Infinity] [-Infinity,1] [1,nan] [inf,1] [-inf,1]"),
    *words("[1e39,1] [1,-1e39] [1e400,1] [1,-1e400] [3.4028235677973366e38,0] [1e99999999999999999999,0]"),
    *[f"[1{'0' * 39},1]", f"[{'9' * 400},1]", f"[1,0.{'0' * 50}1e100]"],
]


@pytest.mark.parametrize("text", BAD_VECTORS)
def test_bad_vectors(text: str) -> None:
    assert refusal(body_of(item_of("5"), item_of("6", text)))[:2] == ("bad_vector", 1)


@pytest.mark.parametrize("text", ["[]", "[1]", "[1,2,3]", "[1,2,3,4e99]"])
def test_a_wrong_length_names_both(text: str) -> None:
    code, index, message = refusal(body_of(item_of("6", text)))
    assert (code, index) == ("wrong_dim", 0)
    assert f" {len(json.loads(text))} numbers" in message
    assert f" {DIM} dimensions" in message


NUMBERS = [
    *words("3.402823567797336e38 -3.4028235e38 1e-45 1e-46 7e-46 1e-400 -1e-400 1e-99999999999999999999"),
    *words("-0 -0.0 0e99999999999999999999 0.1 1E+2 16777217 123456789012345678901234567890"),
    *words("0.30000001192092896 1.00000005960464477540"),
    *[f"0.{'0' * 400}1e401", f"1{'0' * 400}e-400", f"0.{'0' * 400}1", f"0.1{'1' * 2000}"],
    "9" * 30 + f"e-{'0' * 50}30",
]


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_are_those_of_float32(text: str) -> None:
    value = read(body_of(item_of("1", f"[{text},0]")))[1][0, 0]
    expected = np.float32(json.loads(text))
    assert value == expected
    assert math.copysign(1, value) == math.copysign(1, float(text))


MALFORMED_NUMBERS = words("01 00.1 -01 .5 -.5 5. 5.e1 +1 1e 1e+ 1e+-1 1.2.3 0x10 1_000 - -- 1e1.5 1f ١")


@pytest.mark.parametrize("text", MALFORMED_NUMBERS)
def test_numbers_follow_the_grammar_of_json(text: str) -> None:
    assert refusal(body_of(item_of("1", f"[{text},0]")))[:2] == ("bad_json", 0)
    assert refusal(body_of(item_of(metadata=f'{{"a":{text}}}')))[:2] == ("bad_json", 0)


BAD_PAYLOADS = [
    "null",
    "[]",
    "[{}]",
    "true",
    "0",
    "-1",
    '"{}"',
    '{"a":1e400}',
    '{"a":-1e309}',
    f'{{"a":{"9" * 4301}}}',
]
BAD_TEXTS = [rb"\ud800", rb"\udc00", rb"\ud800\ud800", rb"\ud800x", rb"\ud800\n"]
BAD_TEXTS += [b"\xff", b"\x80", b"\xc0\x80", b"\xc3", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf0\x80\x80\x80"]
BAD_TEXTS += [b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"\xe2\x28\xa1"]


@pytest.mark.parametrize("text", BAD_PAYLOADS)
def test_bad_payloads(text: str) -> None:
    assert refusal(body_of(item_of("5"), item_of("6", metadata=text)))[:2] == ("bad_payload", 1)


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_text_that_is_not_unicode(text: bytes) -> None:
    bad = text.decode("utf-8", "surrogateescape")
    for payload in (f'{{"a":"{bad}"}}', f'{{"{bad}":1}}', f'{{"a":["x{bad}"]}}'):
        assert refusal(body_of(item_of("6", metadata=payload)))[:2] == ("bad_payload", 0)
    assert refusal(body_of(item_of(f'"{bad}"')))[:2] == ("bad_json", 0)
    assert refusal(f'{{"{bad}":1}}'.encode("utf-8", "surrogateescape"))[:2] == ("bad_json", -1)


def test_payload_bytes_are_those_of_the_text() -> None:
    text = '{"a": "é"}'
    size = len(text.encode())
    assert read(body_of(item_of(metadata=text)), bytes_max=size)[3].tolist() == [size]
    assert refusal(body_of(item_of(metadata=text)), bytes_max=size - 1)[:2] == ("bad_payload", 0)


@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
def test_nesting_is_bounded(opening: str, closing: str) -> None:
    def nested(levels: int) -> str:
        return '{"a":' + opening * (levels - 1) + "1" + closing * (levels - 1) + "}"

    text = nested(DEPTH_MAX)
    assert read(body_of(item_of(metadata=text)))[3].tolist() == [len(text)]
    assert refusal(body_of(item_of(metadata=nested(DEPTH_MAX + 1))))[:2] == ("bad_payload", 0)
    endless = body_of(item_of(metadata='{"a":' + opening * 10**6))
    assert refusal(endless)[:2] == ("bad_payload", 0)


@pytest.mark.parametrize("depth_max", [0, 65])
def test_a_depth_beyond_what_can_be_kept_is_refused(depth_max: int) -> None:
    with pytest.raises(ValueError, match="depth_max"):
        core.read_items(b"{}", DIM, 1, 1, depth_max)
    with pytest.raises(ValueError, match="depth_max"):
        core.read_objects(b"[]", 0, 1, depth_max)


FIELDS = [
    (b"{}", "missing_field", -1),
    (b'{"items":[]}', "empty", -1),
    (b'{"items":[],"more":1}', "unknown_field", -1),
    (b'{"Items":[]}', "unknown_field", -1),
    (b'{"":1}', "unknown_field", -1),
    (b'{"items":[{}]}', "missing_field", 0),
    (b'{"items":[{"vector":[1,2]}]}', "missing_field", 0),
    (b'{"items":[{"id":1,"vector":[1,2]},{"id":1,"metadata":{}}]}', "missing_field", 1),
    (b'{"items":[{"id":1,"vectors":[1,2]}]}', "unknown_field", 0),
    (b'{"items":[{"id":1,"vector":[1,2],"i\\u0000d":1}]}', "unknown_field", 0),
]


@pytest.mark.parametrize(("body", "code", "index"), FIELDS)
def test_fields_are_as_they_must_be(body: bytes, code: str, index: int) -> None:
    assert refusal(body)[:2] == (code, index)


def test_a_message_cuts_a_long_name_between_characters() -> None:
    message = refusal(('{"' + "x" + "€" * 1000 + '":1}').encode())[2]
    assert "€…" in message
    assert len(message) < 100


def test_items_are_bounded() -> None:
    assert len(read(body_of(*[item_of()] * 5))[0]) == 5
    assert refusal(body_of(*[item_of()] * 6))[:2] == ("too_many", -1)


ONE = item_of().encode()
MALFORMED = [
    b"",
    b" ",
    b"[]",
    b"null",
    b"1",
    b"{",
    b'{"items"',
    b'{"items":',
    b'{"items":[',
    b'{"items":null}',
]
MALFORMED += [
    b'{"items":{}}',
    b'{"items":[1]}',
    b'{"items":[null]}',
    b'{"items":[[]]}',
    b"{items:[]}",
    b"{'items':[]}",
]
MALFORMED += [
    b'\xef\xbb\xbf{"items":[' + ONE + b"]}",
    b'{"items":[' + ONE + b"]}x",
    b'{"items":[' + ONE + b"]}{}",
]
MALFORMED += [
    b'{"items":[' + ONE + tail for tail in (b"", b"]", b",]}", b"],}", b"]]", b"}}", b"]}\0", b" " + ONE)
]
MALFORMED += [
    b'{"items":[{"id":1,"vector":[1,2]' + tail for tail in (b",}]}", b"]}", b',"metadata"}]}', b' "a":1}]}')
]
MALFORMED += [
    b'{"items":[{"id":1,"vector":[' + tail for tail in (b"1,]}]}", b",1]}]}", b"1 2]}]}", b"1,2}]}")
]
MALFORMED += [
    b'{"items":[{"id":1,"metadata":{' + tail
    for tail in (b"]", b"a", b'"a"}', b'"a":}', b'"a":1,}', b'"a":[1,]')
]
MALFORMED += [
    b'{"items":[{"id":1,"metadata":{"' + tail for tail in (b'\\x":1', b'\\u12g4":1', b"\n", b'a":tru}', b"\\")
]
MALFORMED += [
    b'{"items":[{"metadata":{"a":[1}',
    b'{"items":[{"metadata":{"a":{"b":1]}',
    b'{"items":[{"metadata":]}]}',
]
MALFORMED += [
    b"\x0c{}",
    b"\xa0{}",
    b'{"items":[/**/]}',
    '{"items":[]}'.encode("utf-16"),
    b'{"items":[{"id":,"vector"',
]


@pytest.mark.parametrize("body", MALFORMED)
def test_malformed_bodies(body: bytes) -> None:
    assert refusal(body)[0] == "bad_json"


def test_every_prefix_of_a_body_is_refused() -> None:
    body = body_of(item_of('"1"', "[-1.5e-3, 0]", '{"é":[true,null,"\\ud83d\\ude00"],"b":{}}'), item_of())
    read(body)
    for size in range(len(body)):
        assert refusal(body[:size])


OBJECTS = [
    (b"[]", "bad_payload", -1),
    (b"[{}]", "bad_payload", -1),
    (b"[{},{},{}]", "bad_payload", -1),
    (b"[{},[]]", "bad_payload", 1),
    (b"[1,{}]", "bad_payload", 0),
    (b'[{},{"a":"\xff"}]', "bad_payload", 1),
    (b'[null,{"a":"' + b"x" * BYTES_MAX + b'"}]', "bad_payload", 1),
    (b'[null,{"a":' + b"[" * 100, "bad_payload", 1),
    (b"[{},nul]", "bad_json", 1),
    (b"[{},nullx]", "bad_json", -1),
    (b"[{},{}", "bad_json", -1),
    (b"[{},", "bad_json", -1),
    (b"[{},]", "bad_json", 1),
    (b"[{} {}]", "bad_json", -1),
    (b"[{},{}] x", "bad_json", -1),
    (b"{}", "bad_json", -1),
    (b"", "bad_json", -1),
]


@pytest.mark.parametrize(("body", "code", "index"), OBJECTS)
def test_payload_arrays_that_are_refused(body: bytes, code: str, index: int) -> None:
    with pytest.raises(core.ReadError) as caught:
        core.read_objects(body, 2, BYTES_MAX, DEPTH_MAX)
    assert caught.value.args[:2] == (code, index)


def test_the_columns_outlive_the_body_and_threads_read_side_by_side() -> None:
    bodies = [body_of(*[item_of(str(n), f"[{n},{i}]") for i in range(100)]) for n in range(4)]
    got: dict[int, np.ndarray] = {}

    def work(n: int) -> None:
        for _ in range(20):
            got[n] = read(bytes(bodies[n]), items_max=100)[1]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(4):
        assert got[n].tolist() == [[n, i] for i in range(100)]
