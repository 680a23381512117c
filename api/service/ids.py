"""Ids that callers pass, from JSON, a path or an argument: turned into those of the collection's kind.

This is the one place that decides what an id is. Integers may come as decimal text, whose digits are the id;
strings come as strings only, and are kept exactly.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping

import numpy as np

from asteroid_cloud.indexer import INTEGER_IDS, STRING_IDS, Id, IdKind, Ids, IndexSpec, check_name
from asteroid_cloud.wal.errors import InvalidRequest, TooLarge
from asteroid_cloud.wal.limits import ID_MAX

DECIMAL = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII)
"""An id as text: one text for each number."""


def checked_id(value: object, spec: IndexSpec | None) -> Id:
    """An id of an index of this spec; raises InvalidRequest ``bad_id``.

    Without an index ids are integers.
    """
    if spec is not None and spec.has_string_ids:
        return str(check_name(value))  # numpy's strings too
    return checked_number(value)


def checked_ids(values: object, spec: IndexSpec | None, most: int) -> Ids:
    """Many ids; raises InvalidRequest ``bad_id``, TooLarge ``batch_too_large`` beyond ``most``."""
    kind: IdKind = INTEGER_IDS if spec is None else spec.ids
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InvalidRequest("ids must be a list of ids", code="bad_id")
    if (
        isinstance(values, np.ndarray)
        and values.ndim == 1
        and values.dtype.kind == "u"
        and kind is INTEGER_IDS
    ):
        ids: Ids = values.astype(np.uint64, copy=False)
    else:
        ids = kind.of([checked_id(value, spec) for value in values])
    if len(ids) > most:
        raise TooLarge(f"at most {most} ids at once, not {len(ids)}", code="batch_too_large")
    return ids


def one_id(id: Id) -> Ids:
    """A checked id as the engine takes many."""
    return (STRING_IDS if isinstance(id, str) else INTEGER_IDS).one(id)


def checked_number(value: object) -> int:
    """An id from an integer (numpy's too) or decimal text; raises InvalidRequest ``bad_id``."""
    number = -1
    if isinstance(value, str):
        if DECIMAL.fullmatch(value):
            number = int(value)
    elif not isinstance(value, bool | np.bool_):
        try:
            number = operator.index(value)  # type: ignore[arg-type]
        except TypeError:
            number = -1
    if not 0 <= number <= ID_MAX:
        raise InvalidRequest(f"an id must be an integer from 0 to {ID_MAX}, not {value!r:.80}", code="bad_id")
    return number
