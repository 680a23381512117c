"""Conditions of single writes: from the headers of a request, or from arguments."""

from __future__ import annotations

from litestar.datastructures import Headers

from asteroid_cloud.indexer import Condition
from asteroid_cloud.wal.errors import InvalidRequest

IF_MATCH = "If-Match"
IF_NONE_MATCH = "If-None-Match"
DIGITS_MAX = 19


def condition_of(headers: Headers) -> Condition | None:
    """What a request's headers ask for (RFC 9110, 13.1), an LSN being the entity tag.

    ``If-Match: "<lsn>"``: the id did not change after that record. ``If-Match: *``: it exists.
    ``If-None-Match: *``: it does not. Raises InvalidRequest ``bad_if_match`` for all else.
    """
    wanted, unwanted = headers.get(IF_MATCH), headers.get(IF_NONE_MATCH)
    if unwanted is not None:
        if wanted is not None or unwanted != "*":
            raise _refused(f"{IF_NONE_MATCH} may be * only, and without {IF_MATCH}")
        return Condition(exists=False)
    if wanted is None:
        return None
    if wanted == "*":
        return Condition(exists=True)
    text = wanted[1:-1] if len(wanted) > 2 and wanted[0] == wanted[-1] == '"' else wanted
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX):
        raise _refused(f'{IF_MATCH} must be an LSN like "42", or *, not {wanted!r:.80}')
    return Condition(since=int(text))


def checked_condition(if_match: int | None, if_absent: bool = False) -> Condition | None:
    """The same from arguments."""
    if if_absent:
        if if_match is not None:
            raise _refused("if_match and if_absent exclude each other")
        return Condition(exists=False)
    if if_match is None:
        return None
    if isinstance(if_match, bool) or not isinstance(if_match, int) or if_match < 0:
        raise _refused(f"if_match must be an LSN, not {if_match!r:.80}")
    return Condition(since=if_match)


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="bad_if_match")
