"""Preconditions of single writes, from the arguments of a call."""

from __future__ import annotations

from asteroid_cloud.api.service.checks import position
from asteroid_cloud.indexer import Condition
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


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="bad_if_match")
