"""Events survive encoding, and nothing else decodes to one."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.wal.format.events import (
    BulkLoaded,
    BulkPayloads,
    BulkRows,
    Event,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    RequestAnswered,
    RequestKey,
    TextDefined,
    VectorsDeleted,
    VectorsUpserted,
    bare_count,
    bare_rows,
    decode_event,
    encode_event,
    packed_bits,
)
from asteroid_cloud.wal.format.rows_written import RowsWritten

U64 = st.integers(0, 2**64 - 1)
PAYLOADS = st.lists(st.none() | st.binary(max_size=40), max_size=5)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        IndexCreated,
        st.integers(1, 4000),
        st.sampled_from(["l2", "cosine", "ip"]),
        st.sampled_from([8, 16]),
        st.integers(0, 8),
        st.sampled_from(["integer", "string"]),
        st.sampled_from(["required", "optional"]),
    ),
    st.just(IndexDeleted()),
    st.builds(VectorsUpserted, st.binary(), st.binary(), st.none() | PAYLOADS, st.binary()),
    st.builds(VectorsDeleted, st.binary()),
    st.builds(RowsWritten, st.binary(), st.binary(), st.binary(), st.none() | PAYLOADS, bare=st.binary()),
    st.builds(PayloadReplaced, U64, st.binary()),
    st.builds(PayloadMerged, U64, st.binary(), st.just(65_536) | U64),
    st.builds(BulkRows, U64, U64, st.binary()),
    st.builds(BulkPayloads, U64, U64, PAYLOADS),
    st.builds(BulkLoaded, U64, U64, U64, U64),
    st.builds(RequestAnswered, st.integers(0, 599), U64, st.binary()),
    st.builds(TextDefined, st.lists(st.tuples(st.lists(st.text()), st.text()))),
)

TAGS = [
    (IndexCreated(3, "l2", 16, 4), b"\x95\x01\x03\xa2l2\x10\x04"),
    (IndexCreated(3, "l2", 16, 4, "string"), b"\x97\x01\x03\xa2l2\x10\x04\xa6string\xa8required"),
    (IndexDeleted(), b"\x91\x02"),
    (VectorsUpserted(b"i", b"v"), b"\x94\x03\xc4\x01i\xc4\x01v\xc0"),
    (VectorsUpserted(b"", b"", [None, b"", b"p"]), b"\x94\x03\xc4\x00\xc4\x00\x93\xc0\xc4\x00\xc4\x01p"),
    (VectorsUpserted(b"i", b"", None, b"\x01"), b"\x95\x03\xc4\x01i\xc4\x00\xc0\xc4\x01\x01"),
    (VectorsDeleted(b"i"), b"\x92\x04\xc4\x01i"),
    (PayloadReplaced(1, b"p"), b"\x93\x05\x01\xc4\x01p"),
    (PayloadMerged(1, b"p"), b"\x93\x06\x01\xc4\x01p"),
    (PayloadMerged(1, b"p", 7), b"\x94\x06\x01\xc4\x01p\x07"),
    (BulkRows(1, 2, b"v"), b"\x94\x07\x01\x02\xc4\x01v"),
    (BulkPayloads(1, 2, [None]), b"\x94\x08\x01\x02\x91\xc0"),
    (BulkLoaded(1, 2, 3, 4), b"\x95\x09\x01\x02\x03\x04"),
    (
        RowsWritten(b"d", b"u", b"v"),
        b"\x9a\x0e\xc4\x01d\xc4\x01u\xc4\x01v\xc0\x90\x90\x00\xce\x00\x01\x00\x00\xc4\x00",
    ),
    (RequestAnswered(4, 2, b"a"), b"\x94\x0c\x04\x02\xc4\x01a"),
    (TextDefined([(["a", "b"], "")]), b"\x92\x0f\x91\x92\x92\xa1a\xa1b\xa0"),
    (TextDefined([]), b"\x92\x0f\x90"),
]


REQUESTS = st.none() | st.builds(
    RequestKey,
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=8, max_size=8),
    st.none() | U64,
)


def test_a_record_of_many_changes_without_the_last_field_is_read() -> None:
    """Such records were written before rows could be without a vector in them."""
    before = b"\x99\x0e\xc4\x01d\xc4\x01u\xc4\x01v\xc0\x90\x90\x00\xce\x00\x01\x00\x00"
    assert decode_event(before) == (RowsWritten(b"d", b"u", b"v"), None)


def test_bits_say_which_rows_have_no_vector() -> None:
    flags = [False, True, True] + [False] * 6 + [True]
    event = VectorsUpserted(bytes(8 * len(flags)), b"", None, packed_bits(flags))
    assert bare_rows(event) == flags
    assert bare_count(event.bare) == 3
    assert packed_bits([False] * 9) == b""


@given(EVENTS, REQUESTS)
def test_an_event_survives_encoding(event: Event, request: RequestKey | None) -> None:
    assert decode_event(*encode_event(event, request)) == (event, request)


def test_the_envelope_of_a_request_never_changes() -> None:
    request = RequestKey(b"k" * 16, b"d" * 8, 3)
    encoded = b"\x93\x0b\x93\xc4\x10" + b"k" * 16 + b"\xc4\x08" + b"d" * 8 + b"\x03\x91\x02"
    assert encode_event(IndexDeleted(), request) == (encoded, b"")


@pytest.mark.parametrize("request_", [RequestKey(b"k" * 15, b"d" * 8), RequestKey(b"k" * 16, b"d" * 9)])
def test_a_key_or_digest_of_another_length_is_refused(request_: RequestKey) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_event(*encode_event(IndexDeleted(), request_))


@pytest.mark.parametrize(("event", "encoded"), TAGS, ids=lambda value: type(value).__name__)
def test_tags_and_fields_never_change(event: Event, encoded: bytes) -> None:
    assert encode_event(event) == (encoded, b"")
    assert decode_event(encoded) == (event, None)


APART: list[tuple[Event, bytes]] = [
    (VectorsUpserted(b"i", b"vect", [b"p"]), b"\x94\x03\xc4\x01i\xc4\x00\x91\xc4\x01p"),
    (BulkRows(1, 2, b"vectvect"), b"\x94\x07\x01\x02\xc4\x00"),
]


@pytest.mark.parametrize(("event", "encoded"), APART, ids=["upserted", "bulk"])
def test_whole_floats_are_kept_apart(event: VectorsUpserted | BulkRows, encoded: bytes) -> None:
    assert encode_event(event) == (encoded, event.vectors)
    assert decode_event(encoded, event.vectors) == (event, None)


@pytest.mark.parametrize("event", [IndexDeleted(), PayloadReplaced(1, b"p"), VectorsUpserted(b"i", b"v")])
def test_vectors_without_a_place_for_them_are_refused(event: Event) -> None:
    encoded, _ = encode_event(event)
    with pytest.raises(msgspec.DecodeError, match="no place"):
        decode_event(encoded, b"vect")


def test_fields_of_a_later_program_are_passed_over() -> None:
    assert decode_event(b"\x92\x02\x2a") == (IndexDeleted(), None)


@given(st.binary(max_size=60))
def test_arbitrary_bytes_raise_decode_errors_only(data: bytes) -> None:
    try:
        decode_event(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return


@given(EVENTS, st.data())
def test_a_cut_event_does_not_decode(event: Event, data: st.DataObject) -> None:
    encoded, _ = encode_event(event)
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(msgspec.DecodeError):
        decode_event(encoded[:cut])
