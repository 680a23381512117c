"""Values within request bodies that are read natively: vectors, as numbers or as base64, and lists of ids."""

from __future__ import annotations

from typing import NoReturn

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.api.service.ids import checked_ids
from asteroid_cloud.api.wire.answers import VectorFormat
from asteroid_cloud.api.wire.native import core
from asteroid_cloud.indexer import Ids, IndexSpec
from asteroid_cloud.wal.errors import InvalidRequest, TooLarge

NULL = b"null"


def is_given(text: msgspec.Raw) -> bool:
    """Whether a field is there, and not null."""
    return memoryview(text).nbytes > len(NULL) or bytes(text) not in (b"", NULL)


def vector_from(text: msgspec.Raw) -> NDArray[np.float32]:
    """The vector in a body: an array of numbers, or base64 of little-endian float32.

    Raises InvalidRequest ``bad_vector``, ``bad_json``.
    """
    try:
        return core.read_vector(text)
    except core.ReadError as error:
        _refuse(*error.args)


def ids_from(text: msgspec.Raw, spec: IndexSpec | None, most: int) -> Ids:
    """A list of ids in a body, of an index of this spec.

    Raises InvalidRequest ``bad_id``, ``bad_json``; TooLarge ``batch_too_large`` beyond ``most``.
    """
    if spec is not None and spec.has_string_ids:
        return _names_from(text, spec, most)
    try:
        return core.read_ids(text, most)
    except core.ReadError as error:
        code, _, message = error.args
        if code == "too_many":
            raise TooLarge(message, code="batch_too_large", limit=most) from error
        _refuse(*error.args)


def _names_from(text: msgspec.Raw, spec: IndexSpec, most: int) -> Ids:
    try:
        return checked_ids(msgspec.json.decode(text), spec, most)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"the ids are no JSON: {error}", code="bad_json") from error


def checked_format(value: object) -> VectorFormat:
    """How the vectors of an answer are to be written; raises InvalidRequest ``bad_vector_format``."""
    if value is None or value == "json":
        return "json"
    if value == "base64":
        return "base64"
    raise InvalidRequest(
        f'vector_format must be "json" or "base64", not {value!r:.80}', code="bad_vector_format"
    )


def _refuse(code: str, _: int, message: str) -> NoReturn:
    raise InvalidRequest(message, code=code)
