"""The wire reader: JSON bodies of batches and bulk loads, read straight into columns without the GIL.

It is strict (RFC 8259, and no half surrogate pairs) and stops at the first error. Metadata is left as
text: an offset and a length in the body, the offset -1 where there is none.
"""

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
) -> tuple[NDArray[np.uint64], NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Ids, vectors, offsets and lengths of metadata, of ``{"items": [{"id", "vector", "metadata"?}]}``.

    Codes of ReadError: bad_json, unknown_field, missing_field, bad_id, bad_vector, wrong_dim, bad_payload,
    too_many, empty.
    """

def read_objects(
    body: bytes | bytearray | memoryview, count: int, payload_bytes_max: int, depth_max: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offsets and lengths of an array of exactly ``count`` objects or nulls.

    Codes of ReadError: bad_json, bad_payload (also for another count).
    """

def count_elements(body: bytes | bytearray | memoryview, field: str, most: int) -> int:
    """How many elements the list ``field`` of the object in ``body`` has; ``most`` + 1 for any more.

    What is no such object has as many as were read before that showed.
    """
