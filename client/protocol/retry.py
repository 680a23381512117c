"""Whether, and after how long, a failed call is sent again.

Only what is safe, and never beyond the call's time limit. A read is sent again after connection failures and
after answers that say "later", whoever gave them. So is a write, with the same key, once the server has said
that it remembers keys: if it was done before, the first answer comes again. To any other server a write is
sent again only when it surely had no effect: it never left this machine, or the server itself refused
it before doing anything. An answer of a proxy proves nothing, as the proxy may have passed the write on.

Pauses grow exponentially with full jitter, so that clients that were cut off together do not return together.
A Retry-After of the server is a lower bound.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import Any, TypeVar

from asteroid_cloud.client.arguments import number
from asteroid_cloud.client.errors import (
    AsteroidError,
    ConnectionFailed,
    DeadlineExceeded,
    InternalError,
    Overloaded,
)
from asteroid_cloud.client.protocol.calls import (
    KEY_HEADER,
    REMEMBERS_HEADER,
    STORE_HEADER,
    VECTORS_HEADER,
    Call,
    Headers,
    Reply,
    Retry,
)
from asteroid_cloud.client.settings import RetryPolicy

T = TypeVar("T")

BAD_REQUEST = 400
STATUS_LATER = frozenset({429, 502, 503, 504})
"""Answers after which a read may succeed later; 502 and 504 are a proxy's while the server restarts."""
NOTHING_DONE = frozenset({"overloaded", "not_ready", "rate_limited"})
"""The server's own codes for a request that it refused before it did anything."""
COUNTS = ("inserted", "deleted", "patched", "set")
"""The fields of an error that count what was done before it."""
BAD_CERTIFICATE = "bad_certificate"
TOO_COSTLY = "too_costly"
"""The server's code for a read that costs too much: so it would the next time."""
FINAL = frozenset({BAD_CERTIFICATE, TOO_COSTLY})
"""What the next attempt would end with as well."""


class ServerMemory:
    """What the server has said: whether it remembers writes by their keys, and takes base64."""

    def __init__(self) -> None:
        self.is_known = False
        self.takes_base64 = False
        """Whether vectors may be base64; false until the first answer."""

    def learn(self, headers: Headers) -> None:
        """Looks at an answer; one of a proxy says nothing."""
        if headers.get(STORE_HEADER) is not None:
            self.is_known = headers.get(REMEMBERS_HEADER) is not None
            forms = (headers.get(VECTORS_HEADER) or "").split(",")
            self.takes_base64 = "base64" in map(str.strip, forms)

    def in_lists(self, call: Call[T], reply: Reply) -> Call[T] | None:
        """The call with lists of numbers, if a server that takes nothing else has refused its base64.

        That happens where an older server has taken the place of the one that took it.
        """
        if call.lists is None or reply.status != BAD_REQUEST or self.takes_base64:
            return None
        return replace(call, body=call.lists(), lists=None)


class Attempts:
    """The attempts of one call against one deadline."""

    def __init__(
        self, call: Call[Any], policy: RetryPolicy, timeout_s: float, memory: ServerMemory | None = None
    ) -> None:
        self.call = call
        self.memory = memory or ServerMemory()
        self.policy = policy
        self.failed = 0
        own_s = None if call.timeout_s is None else number("timeout", call.timeout_s)
        self.deadline = time.monotonic() + (timeout_s if own_s is None else own_s)

    def left_s(self) -> float:
        """Seconds until the deadline; DeadlineExceeded when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(f"{self.call.method} {self.call.path}: out of time", sent=False)
        return left

    @property
    def is_remembered(self) -> bool:
        """Whether the server gives its first answer again if it has done the call before."""
        return KEY_HEADER in self.call.headers and self.memory.is_known

    @property
    def is_last(self) -> bool:
        """Whether the policy allows no further attempt."""
        most = self.policy.attempts_max
        return most is not None and self.failed >= most and not self.call.patient

    def pause_after(self, error: AsteroidError) -> float | None:
        """Seconds to wait before the next attempt, or None when the error is final."""
        self.failed += 1
        if self.is_last or not may_retry(self.call.retry, error, self.is_remembered):
            return None
        pause_s = backoff_s(self.policy, self.failed)
        if isinstance(error, Overloaded) and error.retry_after_s is not None:
            pause_s += error.retry_after_s
        return pause_s if time.monotonic() + pause_s < self.deadline else None


def backoff_s(policy: RetryPolicy, failed: int) -> float:
    """Seconds to wait after so many failures in a row, drawn at random each time."""
    doublings = min(failed - 1, 32)  # a patient call may try often; this keeps the float finite
    return random.uniform(0, min(policy.pause_s_max, policy.first_pause_s * 2**doublings))


def may_retry(retry: Retry, error: AsteroidError, is_remembered: bool = False) -> bool:
    """Whether sending the call again after this error is safe and can help.

    ``is_remembered``: the server would give its first answer again.
    """
    if (
        retry is Retry.NEVER
        or isinstance(error, DeadlineExceeded)
        or error.code in FINAL
        or is_partial(error)
    ):
        return False
    is_safe = retry is Retry.ALWAYS or is_remembered
    if isinstance(error, ConnectionFailed):
        return is_safe or not error.sent
    if is_safe:
        return isinstance(error, Overloaded | InternalError) and error.status in STATUS_LATER
    return isinstance(error, Overloaded) and error.is_told and error.code in NOTHING_DONE


def is_partial(error: AsteroidError) -> bool:
    """Whether the call had done a part of its work before the error."""
    return any(bool(error.details.get(name)) for name in COUNTS)
