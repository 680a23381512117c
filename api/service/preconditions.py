"""Preconditions of single writes, from the arguments of a call."""

from __future__ import annotations

from asteroid_cloud.api.service.checks import position
from asteroid_cloud.indexer import MATCH_ANY, NO_MATCH, NUMBER_OF, Condition, OnExisting
from asteroid_cloud.wal.errors import InvalidRequest


def checked_condition(if_match: int | None, if_absent: bool = False) -> Condition | None:
    """The precondition; raises InvalidRequest ``bad_if_match``.

    ``if_match`` is an LSN after which the id must not have changed; with ``if_absent`` the id must not exist.
    """
    if if_absent:
        if if_match is not None:
            raise _refused("if_match and if_absent exclude each other")
        return Condition(exists=False)
    if if_match is None:
        return None
    return Condition(since=position("if_match", if_match))


def checked_on_existing(value: object) -> OnExisting | None:
    """What is to happen where the id exists, None for nothing said; InvalidRequest ``bad_on_existing``."""
    if value is None:
        return None
    if isinstance(value, str) and value in NUMBER_OF:
        return value
    raise InvalidRequest(
        f"on_existing must be replace, skip or fail, not {value!r:.80}", code="bad_on_existing"
    )


def checked_match(value: object) -> int:
    """The ``if_match`` of an item, as a column of them holds it; raises InvalidRequest ``bad_if_match``."""
    if value is None:
        return NO_MATCH
    if isinstance(value, str) and value == "*":
        return MATCH_ANY
    return position("if_match", value)


def match_of(condition: Condition | None) -> int:
    """The condition of a single write, as one of an item; raises InvalidRequest ``bad_if_match``."""
    if condition is None:
        return NO_MATCH
    if condition.since is not None:
        return condition.since
    if not condition.exists:
        raise _refused("a write takes If-None-Match, or if_absent, only without on_existing")
    return MATCH_ANY


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="bad_if_match")
