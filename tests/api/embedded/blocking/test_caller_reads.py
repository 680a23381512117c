"""Reads in the caller's thread take what reads in the event loop take."""

from __future__ import annotations

import inspect

from asteroid_cloud.api.embedded.blocking.caller_reads import CallerReads
from asteroid_cloud.api.service.read_executor import ReadExecutor


def test_every_read_has_the_signature_of_the_awaited_one() -> None:
    for name, method in inspect.getmembers(CallerReads, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.signature(method) == inspect.signature(getattr(ReadExecutor, name)), name
