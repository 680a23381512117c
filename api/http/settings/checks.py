"""Which settings do not go together, or are out of their bounds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from asteroid_cloud.api.http.access.keys import what_is_wrong
from asteroid_cloud.api.http.settings.units import check_age, check_size, parse_size
from asteroid_cloud.api.service.quality.options import checked_options
from asteroid_cloud.indexer import checked_spec
from asteroid_cloud.indexer.limits import COLLECTIONS_LIMIT, KEYS_LIMIT
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MIN

if TYPE_CHECKING:
    from asteroid_cloud.api.http.settings.settings import Settings

PUBLIC = ("ready", "metrics", "docs")
NO_BOUND = "none"
"""Ends a bound of the retained log that the store remembers."""
SECONDS = (
    "body_timeout_s",
    "answer_stall_s",
    "drain_s",
    "slow_sync_s",
    "read_budget_s",
    "read_deadline_s",
    "collection_idle_s",
)
"""Settings of which none may be 0 or less."""


def check_settings(said: Settings) -> None:
    """Raises ValueError for what cannot be."""
    if not 0 <= said.port <= 65_535:
        raise ValueError("port must be from 0 to 65535")
    if said.dim is not None:
        try:
            checked_spec(said.dim, said.metric, said.bits)
        except InvalidRequest as error:
            raise ValueError(error.message) from error
    for name in said.public_names:
        if name not in PUBLIC:
            raise ValueError(f"public must be of {', '.join(PUBLIC)}, not {name}")
    if said.seal_rows < 1 or said.concurrency < 1:
        raise ValueError("seal_rows and concurrency must be at least 1")
    if not 0 <= said.collections_max <= COLLECTIONS_LIMIT:
        raise ValueError(f"collections_max must be from 0 to {COLLECTIONS_LIMIT}")
    if not 0 <= said.rate_limit < math.inf:
        raise ValueError("rate_limit must be a number from 0")
    for name in SECONDS:
        if not 0 < getattr(said, name) < math.inf:
            raise ValueError(f"{name} must be a number above 0")
    _check_what_is_kept(said)
    check_size("payload_bytes_max", said.payload_bytes_max, PAYLOAD_BYTES_MIN)
    if parse_size(said.payload_bytes_max) > PAYLOAD_BYTES_MAX:
        raise ValueError("payload_bytes_max must be at most 1MiB")
    check_size("memory_budget", said.memory_budget)
    check_size("answer_budget", said.answer_budget)
    if said.mapped_bytes_max is not None:
        check_size("mapped_bytes_max", said.mapped_bytes_max)
        if said.mapped == "warm":
            raise ValueError("mapped_bytes_max and mapped=warm exclude each other")
    if said.api_key is not None and (wrong := what_is_wrong(said.api_key)):
        # An empty variable must not open a server that was meant to be closed.
        raise ValueError(f"api_key {wrong}")

    try:
        checked_options(said.recall_sample_every, said.recall_min)
    except InvalidRequest as error:
        raise ValueError(error.message) from error


def _check_what_is_kept(said: Settings) -> None:
    if not 0 <= said.idempotency_keys <= KEYS_LIMIT:
        raise ValueError(f"idempotency_keys must be from 0 to {KEYS_LIMIT}")
    check_age("idempotency_age", said.idempotency_age)
    if said.keep_log and {said.log_retention_bytes, said.log_retention_age} - {None, NO_BOUND}:
        raise ValueError("keep_log keeps all of the log: leave out log_retention_bytes and _age")
    if said.log_retention_bytes is not None and said.log_retention_bytes != NO_BOUND:
        check_size("log_retention_bytes", said.log_retention_bytes)
    if said.log_retention_age is not None and said.log_retention_age != NO_BOUND:
        check_age("log_retention_age", said.log_retention_age)
