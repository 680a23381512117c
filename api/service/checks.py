"""Checks of what callers pass: ids, vectors, numbers. Each gives the engine's form of it or refuses it."""

from __future__ import annotations

import binascii
import operator
from collections.abc import Sequence
from math import inf, isfinite
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.api.limits import FLUSH_WAIT_S_MAX
from asteroid_cloud.indexer import IndexSpec
from asteroid_cloud.query import Projection, Wanted, field_path
from asteroid_cloud.query.limits import FIELDS_MAX
from asteroid_cloud.wal import LSN_MAX
from asteroid_cloud.wal.errors import InvalidRequest

Vector = Sequence[float] | NDArray[Any]

INCLUDABLE = frozenset({"payload", "vector"})
"""What a row can carry beside its id."""
INCLUDABLE_IN_HITS = INCLUDABLE | {"score"}
"""The same of a hit, beside its distance."""


def float32_vector(value: object) -> NDArray[np.float32]:
    """One vector of finite numbers, or base64 of them; raises InvalidRequest ``bad_vector``."""
    return float32_array(_decoded(value) if isinstance(value, str) else value, 1, "a vector")


def _decoded(text: str) -> NDArray[np.float32]:
    """The numbers in base64 of little-endian float32."""
    try:
        data = _base64_bytes(text)
        return np.frombuffer(data, "<f4")
    except ValueError as error:
        raise InvalidRequest(
            f"a vector as text must be base64 of little-endian float32: {error}", code="bad_vector"
        ) from error


def _base64_bytes(text: str) -> bytes:
    """What base64 stands for; raises ValueError for a text that is not the base64 of anything."""
    data = binascii.a2b_base64(text, strict_mode=True)
    if binascii.b2a_base64(data, newline=False) != text.encode():
        raise ValueError("it has bits that stand for nothing")
    return data


def float32_rows(value: object) -> NDArray[np.float32]:
    """Rows of finite numbers, [n, dim]; raises InvalidRequest ``bad_vector``."""
    return float32_array(value, 2, "vectors")


def float32_array(value: object, dimensions: int, what: str) -> NDArray[np.float32]:
    """Finite float32 numbers of that many dimensions; raises InvalidRequest ``bad_vector``."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise InvalidRequest(f"{what}: rows of different lengths", code="bad_vector") from error
    if array.ndim != dimensions:
        raise InvalidRequest(
            f"{what} must be {dimensions}-dimensional, not of shape {array.shape}", code="bad_vector"
        )
    if array.dtype.kind not in "fiu" and array.size:
        raise InvalidRequest(f"{what} must hold numbers only, not {array.dtype}", code="bad_vector")
    with np.errstate(over="ignore"):
        narrow = array.astype(np.float32, copy=False)
    check_finite(narrow, what)
    return narrow


def check_finite(array: NDArray[np.float32], what: str) -> None:
    """Raises InvalidRequest ``bad_vector`` if a number is NaN or infinite."""
    if not np.isfinite(array).all():
        raise InvalidRequest(f"{what} must hold finite numbers in float32's range", code="bad_vector")


def check_dim(length: int, spec: IndexSpec) -> None:
    """Raises InvalidRequest ``wrong_dim`` unless a vector of that length fits the index."""
    if length != spec.dim:
        raise InvalidRequest(
            f"the vector has {length} numbers, the index has dimension {spec.dim}", code="wrong_dim"
        )


def checked_include(include: object, known: frozenset[str] = INCLUDABLE) -> frozenset[str]:
    """The columns asked for beyond the id; raises InvalidRequest ``bad_include``."""
    if include is None:
        return frozenset()
    names = " and ".join(sorted(known)) if len(known) == 2 else ", ".join(sorted(known))
    if not isinstance(include, list | tuple | set | frozenset):
        raise InvalidRequest(f"include must be a list of {names}", code="bad_include")
    for name in include:
        if not isinstance(name, str) or name not in known:
            raise InvalidRequest(f"include knows {names}, not {name!r:.80}", code="bad_include")
    return frozenset(include)


def checked_fields(fields: object) -> Projection | None:
    """The payload fields that are wanted, None for all; raises InvalidRequest ``bad_fields``."""
    if fields is None:
        return None
    if not isinstance(fields, list | tuple | set | frozenset) or len(fields) > FIELDS_MAX:
        raise InvalidRequest(f"fields must be a list of at most {FIELDS_MAX} paths", code="bad_fields")
    return Projection(frozenset(field_path(each, "fields", code="bad_fields") for each in fields))


def checked_columns(include: object, fields: object) -> Wanted:
    """What rows are to carry; raises InvalidRequest ``bad_include``, ``bad_fields``."""
    named, chosen = checked_include(include), checked_fields(fields)
    return Wanted("payload" in named or chosen is not None, "vector" in named, chosen)


def checked_flag(name: str, value: object) -> bool:
    """True or False; raises InvalidRequest ``bad_<name>``."""
    if not isinstance(value, bool | np.bool_):
        raise InvalidRequest(f"{name} must be true or false", code=f"bad_{name}")
    return bool(value)


def integer(name: str, value: object, *, code: str | None = None) -> int:
    """An integer of Python or numpy; raises InvalidRequest ``bad_<name>``."""
    if not isinstance(value, bool | np.bool_):
        try:
            return operator.index(value)  # type: ignore[arg-type]
        except TypeError:
            pass
    raise InvalidRequest(f"{name} must be an integer, not {value!r:.80}", code=code or f"bad_{name}")


def real(name: str, value: object, *, code: str | None = None) -> float:
    """A finite number of Python or numpy; raises InvalidRequest ``bad_<name>``, or with ``code``."""
    if isinstance(value, Real) and not isinstance(value, bool | np.bool_):
        try:
            found = float(value)
        except OverflowError:
            found = inf
        if isfinite(found):
            return found
    raise InvalidRequest(f"{name} must be a finite number, not {value!r:.80}", code=code or f"bad_{name}")


def checked_wait_s(value: object) -> float:
    """How long a flush may take, in seconds; raises InvalidRequest ``bad_timeout_s``."""
    seconds = real("timeout_s", value)
    if not 0 <= seconds <= FLUSH_WAIT_S_MAX:
        reason = f"timeout_s must be from 0 to {FLUSH_WAIT_S_MAX:g} seconds"
        raise InvalidRequest(reason, code="bad_timeout_s")
    return seconds


def checked_lsn(value: object) -> int:
    """An LSN to wait for, 0 for None; raises InvalidRequest ``bad_min_lsn``."""
    return 0 if value is None else position("min_lsn", value)


def position(name: str, value: object, *, code: str | None = None) -> int:
    """An LSN, or 0 for before all; raises InvalidRequest ``bad_<name>`` for what no store ever gives out."""
    lsn, code = integer(name, value, code=code), code or f"bad_{name}"
    if not 0 <= lsn <= LSN_MAX:
        message = f"{name} must be an LSN, an integer from 0 to {LSN_MAX} (2^53 - 1), not {value!r:.80}"
        raise InvalidRequest(message, code=code, limit=LSN_MAX)
    return lsn
