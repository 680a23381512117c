"""The server's settings, and what each of them means.

Each field of ``Settings`` is an option of ``asteroid serve``, a variable ``ASTEROID_<NAME>`` and a key of the
TOML file. A new setting is a new field: its description makes the help and the reference page.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec

from asteroid_cloud.api.http.access.keys import Key, raw_keys, what_is_wrong
from asteroid_cloud.api.http.access.keys_file import read_keys
from asteroid_cloud.api.http.units import parse_age_s, parse_size
from asteroid_cloud.api.limits import KEY_CHARACTERS_MIN, RECALL_TIME_SHARE_MAX
from asteroid_cloud.api.service.quality.options import (
    RECALL_MIN_DEFAULT,
    SAMPLE_EVERY_DEFAULT,
    QualityOptions,
    checked_options,
)
from asteroid_cloud.api.service.reading.bounds import ReadBounds
from asteroid_cloud.indexer import EngineOptions, RetentionChange, checked_spec
from asteroid_cloud.indexer.limits import KEYS_LIMIT
from asteroid_cloud.query.limits import EF_SEARCH_WIDENED_MAX
from asteroid_cloud.wal.append import SLOW_SYNC_S
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import MIB, PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MIN

VARIABLE_PREFIX = "ASTEROID_"
PUBLIC = ("ready", "metrics", "docs")
NO_BOUND = "none"
"""Ends a bound of the retained log that the store remembers."""
SECONDS = ("body_timeout_s", "answer_stall_s", "drain_s", "slow_sync_s", "read_budget_s", "read_deadline_s")
"""Settings of which none may be 0 or less."""


def _about(meaning: str, *, unit: str = "", metavar: str = "") -> msgspec.Meta:
    """What a setting means, the unit of its number, and what the help writes for its value."""
    return msgspec.Meta(description=meaning, extra={"unit": unit, "metavar": metavar})


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a server that can be chosen."""

    data: Annotated[str, _about("Folder of the store; it is made if it does not exist.", metavar="DIR")]
    host: Annotated[str, _about("Address to listen on. Any address but a loopback address needs a key.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, _about("Port to listen on; 0 takes a free port.")] = 8000
    dim: Annotated[
        int | None, _about("Create the index with this dimension at start; otherwise PUT /v1/index does.")
    ] = None
    metric: Annotated[Literal["l2", "cosine", "ip"], _about("Distance of the index that --dim creates.")] = (
        "l2"
    )
    bits: Annotated[
        Literal[16, 8],
        _about(
            "Bits for each value in the index that --dim creates: 16 has the recall of float32, 8 takes half "
            "the disk.",
            unit="bits",
        ),
    ] = 16
    api_key: Annotated[
        str | None,
        _about(
            f"The key that clients must send as a bearer token: {KEY_CHARACTERS_MIN} characters at the least."
        ),
    ] = None
    api_keys: Annotated[
        str | None,
        _about(
            "File with more keys, each a line; read again when it changes, and on SIGHUP.", metavar="FILE"
        ),
    ] = None
    public: Annotated[
        str,
        _about(
            f"What needs no key, besides /health: any of {', '.join(PUBLIC)}, separated by commas.",
            metavar="NAMES",
        ),
    ] = ""
    memory_budget: Annotated[
        str,
        _about(
            "Bound on the memory of the memtable, of graphs that are being built, and of caches; "
            "for example 256MiB or 1GiB.",
            unit="bytes",
            metavar="SIZE",
        ),
    ] = "256MiB"
    mapped: Annotated[
        Literal["lazy", "warm"],
        _about(
            "warm reads the segments into RAM before they are searched; lazy leaves that to the searches."
        ),
    ] = "lazy"
    mapped_bytes_max: Annotated[
        str | None,
        _about(
            "Bound on the pages of segments in RAM, for example 1GiB; without it the system decides.",
            unit="bytes",
            metavar="SIZE",
        ),
    ] = None
    seal_rows: Annotated[int, _about("Rows of the memtable that become one segment.", unit="rows")] = 16_384
    payload_bytes_max: Annotated[
        str,
        _about(
            "What a payload that is written may have as JSON, 1MiB at most. Larger ones that are stored "
            "already are served.",
            unit="bytes",
            metavar="SIZE",
        ),
    ] = "64KiB"
    keep_log: Annotated[
        bool | None,
        _about(
            "Never trim the log, so that a reindex can start at the first record; it grows without bound. "
            "The store remembers it until it is ended: --no-keep-log."
        ),
    ] = None
    recovery: Annotated[
        Literal["strict", "tail", "salvage"],
        _about(
            "What to do with a damaged store: strict changes nothing; tail cuts a torn write and rebuilds "
            "what it can; salvage also gives up what is damaged beyond that, and records what was lost."
        ),
    ] = "tail"
    log_retention_bytes: Annotated[
        str | None,
        _about(
            "Keep this much of the log, for example 1GiB, for change feeds and for point-in-time restores. "
            "The store remembers it until it is changed; none ends it.",
            unit="bytes",
            metavar="SIZE",
        ),
    ] = None
    log_retention_age: Annotated[
        str | None,
        _about(
            "Keep the log for this long, for example 7d or 12h; with both bounds, the first reached counts. "
            "The store remembers it until it is changed; none ends it.",
            unit="time",
            metavar="TIME",
        ),
    ] = None
    recall_sample_every: Annotated[
        int,
        _about(
            "One search of so many is repeated exactly in the background, in at most "
            f"{100 * RECALL_TIME_SHARE_MAX:g}% of one processor's time, so that stats and metrics know the "
            "recall; 0 for none.",
            unit="searches",
        ),
    ] = SAMPLE_EVERY_DEFAULT
    recall_min: Annotated[
        float,
        _about(
            "Sampled recall, from 0 to 1, below which the server logs a warning, and searches that name no "
            f"ef_search get a larger one, up to {EF_SEARCH_WIDENED_MAX:,}; 0 for never."
        ),
    ] = RECALL_MIN_DEFAULT
    backup_dir: Annotated[
        str | None,
        _about("Folder in which POST /v1/backup makes backups; without it none can be made.", metavar="DIR"),
    ] = None
    rate_limit: Annotated[
        float, _about("Requests a second that one key may make; 0 for no limit.", unit="requests a second")
    ] = 0.0
    concurrency: Annotated[
        int, _about("Requests served at the same time; more are answered 503.", unit="requests")
    ] = 256
    body_timeout_s: Annotated[
        float,
        _about(
            "Seconds that the body of a request may fall behind a rate of 16 KiB a second before it is cut.",
            unit="seconds",
        ),
    ] = 30.0
    answer_budget: Annotated[
        str,
        _about(
            "Memory for all answers that are made or sent at the same time, beside memory_budget; one for "
            "which there is no room is answered 503.",
            unit="bytes",
            metavar="SIZE",
        ),
    ] = "64MiB"
    read_budget_s: Annotated[
        float,
        _about(
            "Processor time that one read, or finding what a write by filter changes, may take, estimated "
            "from rows, payload bytes and predicates. One beyond it is answered 503 too_costly.",
            unit="seconds",
        ),
    ] = 60.0
    read_deadline_s: Annotated[
        float,
        _about(
            "Seconds after which a read is ended and answered 503 too_costly; of a write by filter, each of "
            "its batches.",
            unit="seconds",
        ),
    ] = 30.0
    drain_s: Annotated[
        float,
        _about(
            "Seconds that requests under way have to end once the server is told to stop; a second signal "
            "ends it at once.",
            unit="seconds",
        ),
    ] = 10.0
    answer_stall_s: Annotated[
        float,
        _about(
            "Seconds that the reader of an answer may fall behind a rate of 64 KiB a second before its "
            "connection is cut.",
            unit="seconds",
        ),
    ] = 30.0
    idempotency_keys: Annotated[
        int, _about("Writes with an Idempotency-Key that are remembered; 0 remembers none.", unit="requests")
    ] = 100_000
    idempotency_age: Annotated[
        str, _about("For how long they are, for example 24h or 7d.", unit="time", metavar="TIME")
    ] = "24h"
    slow_sync_s: Annotated[
        float,
        _about(
            "A sync of the log that takes this long is logged as a warning: every write waits for one.",
            unit="seconds",
        ),
    ] = SLOW_SYNC_S
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _about(
            "How much is logged, to standard error; info has a line for each step in the life of the store."
        ),
    ] = "info"
    access_log: Annotated[
        bool, _about("Log a line for each request, whatever log_level says; without payloads or keys.")
    ] = False

    def __post_init__(self) -> None:
        _check(self)

    def __repr__(self) -> str:
        shown = (field.name for field in msgspec.structs.fields(self) if field.name != "api_key")
        return f"Settings({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    @property
    def public_names(self) -> list[str]:
        """What needs no key."""
        return [name.strip() for name in self.public.split(",") if name.strip()]

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def engine_options(self) -> EngineOptions:
        """What of it the engine needs."""
        return _engine_options(self)

    @property
    def read_bounds(self) -> ReadBounds:
        """What of it reads need."""
        return ReadBounds(self.read_budget_s, self.read_deadline_s)

    @property
    def quality_options(self) -> QualityOptions:
        """What of it the sampling of searches needs."""
        return checked_options(self.recall_sample_every, self.recall_min)

    def keys(self) -> list[Key]:
        """All keys; raises InvalidRequest when the file of keys cannot be read or is empty."""
        keys = raw_keys(self.api_key)
        return keys if self.api_keys is None else keys + read_keys(self.api_keys)


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return VARIABLE_PREFIX + name.upper()


def _engine_options(said: Settings) -> EngineOptions:
    return EngineOptions(
        memory_budget_bytes=parse_size(said.memory_budget),
        warm_mapped=said.mapped == "warm",
        mapped_bytes_max=None if said.mapped_bytes_max is None else parse_size(said.mapped_bytes_max),
        seal_rows=said.seal_rows,
        payload_bytes_max=parse_size(said.payload_bytes_max),
        keep_log=said.keep_log,
        recovery=said.recovery,
        slow_sync_s=said.slow_sync_s,
        idempotency_keys=said.idempotency_keys,
        idempotency_age_ms=1000 * parse_age_s(said.idempotency_age),
        log_retention=RetentionChange(
            _bound(said.log_retention_bytes, parse_size),
            _bound(said.log_retention_age, lambda text: 1000 * parse_age_s(text)),
        ),
    )


def _bound(text: str | None, parse: Callable[[str], int]) -> int | msgspec.UnsetType | None:
    """What a setting says of one bound of the log: a number, that there is none any more, or nothing."""
    if text is None:
        return msgspec.UNSET
    return None if text == NO_BOUND else parse(text)


def _check(said: Settings) -> None:
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
    if not 0 <= said.rate_limit < math.inf:
        raise ValueError("rate_limit must be a number from 0")
    for name in SECONDS:
        if not 0 < getattr(said, name) < math.inf:
            raise ValueError(f"{name} must be a number above 0")
    _check_what_is_kept(said)
    _check_size("memory_budget", said.memory_budget)
    _check_size("answer_budget", said.answer_budget)
    _check_size("payload_bytes_max", said.payload_bytes_max, PAYLOAD_BYTES_MIN)
    if parse_size(said.payload_bytes_max) > PAYLOAD_BYTES_MAX:
        raise ValueError("payload_bytes_max must be at most 1MiB")
    if said.mapped_bytes_max is not None:
        _check_size("mapped_bytes_max", said.mapped_bytes_max)
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
    _check_age("idempotency_age", said.idempotency_age)
    if said.keep_log and {said.log_retention_bytes, said.log_retention_age} - {None, NO_BOUND}:
        raise ValueError("keep_log keeps all of the log: leave out log_retention_bytes and _age")
    if said.log_retention_bytes is not None and said.log_retention_bytes != NO_BOUND:
        _check_size("log_retention_bytes", said.log_retention_bytes)
    if said.log_retention_age is not None and said.log_retention_age != NO_BOUND:
        _check_age("log_retention_age", said.log_retention_age)


def _check_age(name: str, text: str) -> None:
    try:
        parse_age_s(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _check_size(name: str, text: str, least: int = MIB) -> None:
    try:
        size = parse_size(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if size < least:
        raise ValueError(f"{name} must be at least {'1MiB' if least == MIB else '1KiB'}")
