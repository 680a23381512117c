"""The id of the request being served: the client's own or a new one, in the answer and in each line of log.

It is a context variable, so what runs for a request, in a worker thread too, knows it without being told.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from random import Random

REQUEST_ID = "X-Request-ID"
REQUEST_ID_NAME = REQUEST_ID.lower().encode()
"""As it stands among the headers of a request or an answer."""
_ACCEPTED = re.compile(rb"[!-~]{1,128}")
"""Printable ASCII without spaces: nothing that could end a header or forge a line of log."""
_random = Random()
_current: ContextVar[str] = ContextVar("request_id", default="")


def new_request_id() -> str:
    """Sixteen digits that no other request has."""
    return f"{_random.getrandbits(64):016x}"


def begin_request(given: bytes | None) -> str:
    """The id for the rest of this task: the client's if it may stand in a header and a log, or a new one."""
    is_usable = given is not None and _ACCEPTED.fullmatch(given)
    name = given.decode() if is_usable and given is not None else new_request_id()
    _current.set(name)
    return name


def current_request_id() -> str:
    """The id of the request that this runs for; empty outside of any."""
    return _current.get()
