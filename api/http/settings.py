"""The server's settings: a flag over a variable over the file over the default.

Each field of ``Settings`` is an option of ``asteroid serve``, a variable ``ASTEROID_<NAME>`` and a key of
the TOML file. What is not known is an error, wherever it stands.
"""

from __future__ import annotations

import ipaddress
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from asteroid_cloud.indexer import EngineOptions, checked_spec
from asteroid_cloud.wal.append import Retention
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import KIB, MIB

PREFIX = "ASTEROID_"
NOT_SETTINGS = {"ASTEROID_CONFIG", "ASTEROID_URL", "ASTEROID_WERROR", "ASTEROID_NO_FETCH"}
PLACE = re.compile(r"(.+) - at `\$\.(\w+)`")
SIZE = re.compile(r"([0-9]+)\s*(B|KiB|MiB|GiB|TiB)?", re.IGNORECASE)
AGE = re.compile(r"([1-9][0-9]{0,6})([smhd])")
AGE_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
UNITS = {"": 1, "b": 1, "kib": KIB, "mib": MIB, "gib": 1024 * MIB, "tib": 1024 * 1024 * MIB}
PUBLIC = ("ready", "metrics", "docs")
NOT_A_KEY = "must be of printable ASCII characters, without spaces around them"


def _about(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a server that can be chosen."""

    data: Annotated[str, _about("Folder of the store; made if it does not exist.")]
    host: Annotated[str, _about("Address to listen on. Any but a loopback address needs a key.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, _about("Port to listen on; 0 takes a free one.")] = 8000
    dim: Annotated[
        int | None, _about("Create the index with this dimension at start; otherwise PUT /v1/index does.")
    ] = None
    metric: Annotated[Literal["l2", "cosine", "ip"], _about("Distance of the index made by --dim.")] = "l2"
    bits: Annotated[
        Literal[16, 8],
        _about("Bits a value of the index made by --dim: 16 has float32's recall, 8 takes half the disk."),
    ] = 16
    api_key: Annotated[str | None, _about("The key that clients must send as a bearer token.")] = None
    api_keys: Annotated[str | None, _about("File with more keys, one a line; # begins a comment.")] = None
    public: Annotated[
        str, _about(f"What needs no key besides /health: any of {', '.join(PUBLIC)}, with commas.")
    ] = ""
    memory_budget: Annotated[
        str, _about("Bound on what is held in RAM: tail, graphs being built, caches; as 256MiB or 1GiB.")
    ] = "256MiB"
    mapped: Annotated[
        Literal["lazy", "warm"],
        _about("warm reads the segments into RAM before they are searched; lazy leaves it to searches."),
    ] = "lazy"
    mapped_bytes_max: Annotated[
        str | None, _about("Bound on the segments' pages in RAM, as 1GiB; without it the system decides.")
    ] = None
    seal_rows: Annotated[int, _about("Rows of the tail that become one segment.")] = 16_384
    keep_log: Annotated[
        bool, _about("Never trim the log, so that replay reaches the first record; it grows without bound.")
    ] = False
    recovery: Annotated[
        Literal["strict", "tail", "salvage"],
        _about(
            "What to do with a damaged store: strict changes nothing, tail cuts a torn write and makes anew "
            "what can be, salvage also gives up what is damaged beyond that, and says so."
        ),
    ] = "tail"
    log_retention_bytes: Annotated[
        str | None,
        _about("Keep so much of the log, as 1GiB, for change feeds and, with tags or backups, to go back."),
    ] = None
    log_retention_age: Annotated[
        str | None, _about("Keep the log for so long, as 7d or 12h; with both, whichever ends first.")
    ] = None
    backup_dir: Annotated[
        str | None, _about("Folder that POST /v1/backup makes backups in; without it none are made.")
    ] = None
    rate_limit: Annotated[float, _about("Requests a second that a key may make; 0 for no limit.")] = 0.0
    concurrency: Annotated[int, _about("Requests served at a time; more are answered 503.")] = 256
    body_timeout_s: Annotated[
        float, _about("Seconds that a request's body may fall behind 16 KiB a second before it is cut.")
    ] = 30.0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], _about("How much is logged, to standard error.")
    ] = "warning"

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ValueError("port must be from 0 to 65535")
        if self.dim is not None:
            try:
                checked_spec(self.dim, self.metric, self.bits)
            except InvalidRequest as error:
                raise ValueError(error.message) from error
        for name in self.public_names:
            if name not in PUBLIC:
                raise ValueError(f"public must be of {', '.join(PUBLIC)}, not {name}")
        if self.seal_rows < 1 or self.concurrency < 1:
            raise ValueError("seal_rows and concurrency must be at least 1")
        if not 0 <= self.rate_limit < math.inf:
            raise ValueError("rate_limit must be a number from 0")
        if not 0 < self.body_timeout_s < math.inf:
            raise ValueError("body_timeout_s must be a number above 0")
        if self.keep_log and (self.log_retention_bytes or self.log_retention_age):
            raise ValueError("keep_log keeps all of the log: leave out log_retention_bytes and _age")
        if self.log_retention_bytes is not None:
            _check_size("log_retention_bytes", self.log_retention_bytes)
        if self.log_retention_age is not None:
            try:
                parse_age_s(self.log_retention_age)
            except ValueError as error:
                raise ValueError(f"log_retention_age: {error}") from error
        _check_size("memory_budget", self.memory_budget)
        if self.mapped_bytes_max is not None:
            _check_size("mapped_bytes_max", self.mapped_bytes_max)
            if self.mapped == "warm":
                raise ValueError("mapped_bytes_max and mapped=warm exclude each other")
        if self.api_key is not None and not is_key(self.api_key):
            # An empty variable must not open a server that was meant to be closed.
            raise ValueError(f"api_key {NOT_A_KEY}")

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
        return EngineOptions(
            memory_budget_bytes=parse_size(self.memory_budget),
            warm_mapped=self.mapped == "warm",
            mapped_bytes_max=None if self.mapped_bytes_max is None else parse_size(self.mapped_bytes_max),
            seal_rows=self.seal_rows,
            keep_log=self.keep_log,
            recovery=self.recovery,
            log_retention=Retention(
                None if self.log_retention_bytes is None else parse_size(self.log_retention_bytes),
                None if self.log_retention_age is None else 1000 * parse_age_s(self.log_retention_age),
            ),
        )

    def keys(self) -> list[str]:
        """All keys; raises InvalidRequest when the file of keys cannot be read or is empty."""
        keys = [self.api_key] if self.api_key is not None else []
        if self.api_keys is not None:
            try:
                lines = Path(self.api_keys).read_text().splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise InvalidRequest(f"api_keys: {error}", code="bad_settings") from error
            found = [line.partition("#")[0].strip() for line in lines]
            found = [key for key in found if key]
            if not found:
                raise InvalidRequest("api_keys: there is no key in the file", code="bad_settings")
            if not all(map(is_key, found)):
                raise InvalidRequest(f"api_keys: a key in the file {NOT_A_KEY}", code="bad_settings")
            keys += found
        return keys


def is_key(text: str) -> bool:
    """Whether a client can send it as a bearer token."""
    return bool(text) and text.isascii() and text.isprintable() and text == text.strip()


def _check_size(name: str, text: str) -> None:
    try:
        size = parse_size(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if size < MIB:
        raise ValueError(f"{name} must be at least 1MiB")


def parse_size(text: str) -> int:
    """Bytes of a size like ``256MiB``, ``1GiB`` or ``65536``; raises ValueError."""
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a size: {text!r}; write it like 256MiB or 1GiB")
    return int(match[1]) * UNITS[(match[2] or "").lower()]


def parse_age_s(text: str) -> int:
    """Seconds of a time like ``90s``, ``30m``, ``12h`` or ``7d``; raises ValueError."""
    match = AGE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a length of time: {text!r}; write it like 12h or 7d")
    return int(match[1]) * AGE_UNITS_S[match[2]]


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def load_settings(flags: Mapping[str, object], variables: Mapping[str, str], config: str | None) -> Settings:
    """The settings in force; raises InvalidRequest ``bad_settings`` that names what is wrong."""
    known = {field.name for field in msgspec.structs.fields(Settings)}
    merged: dict[str, Any] = _read_file(config) if config else {}
    for variable, value in variables.items():
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS:
            continue
        if name not in known:
            raise InvalidRequest(f"there is no setting for the variable {variable}", code="bad_settings")
        merged[name] = value
    merged.update({name: value for name, value in flags.items() if value is not None})
    if not merged.get("data"):
        raise InvalidRequest(
            "there is no folder for the data: give --data DIR or ASTEROID_DATA", code="bad_settings"
        )
    try:
        return msgspec.convert(merged, Settings, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise InvalidRequest(_named(str(error)), code="bad_settings") from error


def _named(problem: str) -> str:
    """The decoder's message, but the setting comes first."""
    found = PLACE.fullmatch(problem)
    return f"{found[2]}: {found[1]}" if found else f"settings: {problem}"


def _read_file(config: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(config).read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidRequest(f"{config}: {error}", code="bad_settings") from error
