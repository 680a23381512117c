"""The error codes, as a list."""

from __future__ import annotations

import msgspec

from asteroid_cloud.api.wire.error_codes import ERROR_CODES, LOCAL_CODES


class ErrorInfo(msgspec.Struct, frozen=True):
    """One error code."""

    code: str
    status: int | None
    """None for a code that no request can cause."""
    meaning: str
    action: str
    """What the caller can do."""


def list_errors() -> list[ErrorInfo]:
    """All error codes, those of requests first, by status."""
    of_requests = [ErrorInfo(code, *each) for code, each in ERROR_CODES.items()]
    return of_requests + [ErrorInfo(code, None, *texts) for code, texts in LOCAL_CODES.items()]
