"""The wire reader: JSON bodies of batches and bulk loads, read straight into columns without the GIL.

It is strict (RFC 8259, and no half surrogate pairs) and stops at the first error. Metadata is left as
text: an offset and a length in the body, the offset -1 where there is none.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

class ReadError(Exception):
    """A body is refused; ``args`` are the code, the index of the item (-1 outside of any) and the message."""

    args: tuple[str, int, str]

def read_items(
    body: bytes | bytearray | memoryview,
    dim: int,
    items_max: int,
    payload_bytes_max: int,
    depth_max: int,
    is_list: bool = False,
    has_names: bool = False,
) -> tuple[
    NDArray[Any],
    NDArray[np.float32],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.uint8],
    int,
]:
    """The columns of a batch, ``{"items": […], "on_existing"?}``.

    An item is ``{"id", "vector", "metadata"?, "if_match"?, "on_existing"?}``. The columns are ids, vectors,
    offsets and lengths of metadata; LSNs to match, -1 for none and -2 for ``"*"``; what is to happen where
    the id exists: 0 replace, 1 skip, 2 fail, 255 not said. The last value is what the batch says of that.
    The columns of LSNs and of what is to happen are empty when no item says any. ``is_list``: the body is
    the array alone, and may be empty.

    Ids are uint64, or with ``has_names`` an array of objects that are each a str of 1 to 512 bytes.

    Codes of ReadError: bad_json, unknown_field, missing_field, bad_id, bad_vector, wrong_dim, bad_payload,
    bad_if_match, bad_on_existing, too_many, empty.
    """

def read_optional_items(
    body: bytes | bytearray | memoryview,
    dim: int,
    items_max: int,
    payload_bytes_max: int,
    depth_max: int,
    is_list: bool = False,
    has_names: bool = False,
) -> tuple[
    NDArray[Any],
    NDArray[np.float32],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.uint8],
    int,
    NDArray[np.uint8],
]:
    """As ``read_items``, where a vector may be null or left out.

    The last column is 1 where there is none; only the others have a row in the column of vectors.
    """

def read_fields(body: bytes | bytearray | memoryview) -> list[tuple[str, int, int]]:
    """Name, offset and length of the value of each field of the object that the body is.

    Codes of ReadError: bad_json, also for a field that is given twice, and for more than 64 fields.
    """

def read_elements(
    text: bytes | bytearray | memoryview, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offsets and lengths of the elements of the array that the text is.

    Codes of ReadError: bad_json, also for an element with a key twice in one object, and too_many.
    """

def read_named_rows(
    body: bytes | bytearray | memoryview, count: int, payload_bytes_max: int, depth_max: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Offsets and lengths of ids, with their quotes, and of metadata.

    Of an array of exactly ``count`` objects {"id", "metadata"?}. Codes of ReadError: bad_json, missing_field,
    unknown_field, bad_id, bad_payload (also for another count).
    """

def read_objects(
    body: bytes | bytearray | memoryview, count: int, payload_bytes_max: int, depth_max: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offsets and lengths of an array of exactly ``count`` objects or nulls.

    Codes of ReadError: bad_json, bad_payload (also for another count).
    """

def read_vector(text: bytes | bytearray | memoryview) -> NDArray[np.float32]:
    """The numbers of a vector: a JSON array of numbers, or a JSON string of base64 of little-endian float32.

    Codes of ReadError: bad_json, bad_vector.
    """

def read_ids(text: bytes | bytearray | memoryview, most: int) -> NDArray[np.uint64]:
    """The ids of a JSON array, integers or strings of their digits.

    Codes of ReadError: bad_json, bad_id, too_many.
    """

def count_elements(body: bytes | bytearray | memoryview, field: str, most: int) -> int:
    """How many elements the list ``field`` of the object in ``body`` has; ``most`` + 1 for any more.

    What is no such object has as many as were read before that showed.
    """
