"""Numbers and lists that callers pass: Python's, or numpy's, as plain Python values; all else is refused."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import TypeVar

import msgspec
import numpy as np

from asteroid_cloud.client.errors import InvalidRequest

T = TypeVar("T")


def integer(name: str, value: object, *, code: str | None = None) -> int:
    """An integer of Python or numpy; raises InvalidRequest ``bad_<name>``."""
    if not isinstance(value, bool | np.bool_):
        try:
            return operator.index(value)  # type: ignore[arg-type]
        except TypeError:
            pass
    raise InvalidRequest(f"{name} must be an integer, got {value!r:.80}", code=code or f"bad_{name}")


def number(name: str, value: object, *, code: str | None = None) -> float:
    """A finite number of Python or numpy; raises InvalidRequest ``bad_<name>``."""
    if isinstance(value, Real) and not isinstance(value, bool | np.bool_):
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
        if math.isfinite(found):
            return found
    raise InvalidRequest(f"{name} must be a finite number, got {value!r:.80}", code=code or f"bad_{name}")


def listable(values: Iterable[T], name: str = "items", code: str = "bad_item") -> Iterable[T]:
    """What can be gone through; raises InvalidRequest with the code for text, mappings and single values."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InvalidRequest(f"{name} must be a list, got {type(values).__name__}", code=code)
    return values


def plain_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields of a body with numbers of numpy as Python's; raises InvalidRequest ``bad_<name>``.

    The server judges the types that JSON knows; what JSON does not know is refused here.
    """
    return {name: _plain(name, value) for name, value in fields.items()}


def _plain(name: str, value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidRequest(f"{name} must be a finite number, got {value!r}", code=f"bad_{name}")
    if isinstance(value, int | float | str | msgspec.Raw | None):
        return value
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return [_plain(name, each) for each in value]
    if isinstance(value, dict):
        return value
    raise InvalidRequest(f"{name} cannot be a {type(value).__name__}", code=f"bad_{name}")
