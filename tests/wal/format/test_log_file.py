"""A file of the log: its name and its header."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.wal.errors import CorruptionError, UnsupportedVersion
from asteroid_cloud.wal.format.frame import LARGEST_FILE_BYTES
from asteroid_cloud.wal.format.log_file import (
    FILE_HEADER_BYTES,
    FLAGS,
    FileHeader,
    decode_file_header,
    encode_file_header,
)
from asteroid_cloud.wal.lsn import Lsn
from tests.support.logs import IDENTITY

HEADER = FileHeader(IDENTITY, Lsn(7), 3)


@given(
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(0, FLAGS),
)
def test_a_header_survives_encoding(identity: bytes, first: int, epoch: int, flags: int) -> None:
    header = FileHeader(identity, Lsn(first), epoch, flags=flags)
    encoded = encode_file_header(header)
    assert len(encoded) == FILE_HEADER_BYTES
    assert decode_file_header("f", encoded) == header


def test_every_flipped_bit_of_a_header_is_detected() -> None:
    encoded = encode_file_header(HEADER)
    for bit in range(len(encoded) * 8):
        damaged = bytearray(encoded)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises((CorruptionError, UnsupportedVersion)):
            decode_file_header("f", bytes(damaged))


@given(st.binary(max_size=2 * FILE_HEADER_BYTES))
def test_arbitrary_bytes_are_no_header(data: bytes) -> None:
    with pytest.raises(CorruptionError):
        decode_file_header("f", data)


def test_the_format_says_how_large_a_file_may_be() -> None:
    page = Path(__file__).resolve().parents[3] / "wal" / "format" / "FORMAT.md"
    assert f"A file of a log has at most {LARGEST_FILE_BYTES:,} bytes" in page.read_text()
