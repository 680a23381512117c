"""Whether, and after how long, a failed call is sent again.

Only what is safe: connection failures and the answers 429 and 503, never a conflict, never beyond
the call's time limit. Pauses grow exponentially with full jitter, so that clients that were cut off together
do not return together. A Retry-After of the server is a lower bound.
"""

from __future__ import annotations

import random
import time
from typing import Any

from asteroid_cloud.client.errors import AsteroidError, ConnectionFailed, DeadlineExceeded, Overloaded
from asteroid_cloud.client.protocol.calls import Call, Retry
from asteroid_cloud.client.settings import RetryPolicy


class Attempts:
    """The attempts of one call against one deadline."""

    def __init__(self, call: Call[Any], policy: RetryPolicy, timeout_s: float) -> None:
        self.call = call
        self.policy = policy
        self.failed = 0
        self.deadline = time.monotonic() + (timeout_s if call.timeout_s is None else call.timeout_s)

    def left_s(self) -> float:
        """Seconds until the deadline; DeadlineExceeded when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(f"{self.call.method} {self.call.path}: out of time", sent=False)
        return left

    def pause_after(self, error: AsteroidError) -> float | None:
        """Seconds to wait before the next attempt, or None when the error is final."""
        self.failed += 1
        is_last = self.failed >= self.policy.attempts_max and not self.call.patient
        if is_last or not may_retry(self.call.retry, error):
            return None
        pause_s = backoff_s(self.policy, self.failed)
        if isinstance(error, Overloaded) and error.retry_after_s is not None:
            pause_s += error.retry_after_s
        return pause_s if time.monotonic() + pause_s < self.deadline else None


def backoff_s(policy: RetryPolicy, failed: int) -> float:
    """Seconds to wait after so many failures in a row, drawn at random each time."""
    doublings = min(failed - 1, 32)  # a patient call may try often; this keeps the float finite
    return random.uniform(0, min(policy.pause_s_max, policy.first_pause_s * 2**doublings))


def may_retry(retry: Retry, error: AsteroidError) -> bool:
    """Whether sending the call again after this error is safe and can help."""
    if retry is Retry.NEVER or isinstance(error, DeadlineExceeded):
        return False
    if isinstance(error, ConnectionFailed):
        return retry is Retry.ALWAYS or not error.sent
    return isinstance(error, Overloaded) and error.status in (429, 503)
