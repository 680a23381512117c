"""Where the server is, with which key, and how often calls are retried.

Arguments come first, then the environment, then the defaults.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import msgspec

from asteroid_cloud.client.arguments import integer, number
from asteroid_cloud.client.errors import InvalidRequest

DEFAULT_URL = "http://127.0.0.1:8000"
KEY_VARIABLES = ("ASTEROID_API_KEY", "LSMVEC_API_KEY")
URL_VARIABLES = ("ASTEROID_URL", "LSMVEC_URL")
CONNECTIONS_MAX = 10_000
HEARTBEAT_S = 15
"""How often the server is asked to send a heartbeat when nothing changes."""
SILENCE_S_MAX = 3.0 * HEARTBEAT_S
"""A feed from which nothing comes for longer is closed and opened again."""
IDLE_S_MAX = 4.0  # below the 5 s after which common servers close an idle connection


class RetryPolicy(msgspec.Struct, frozen=True):
    """How often and how fast to try again; ``attempts_max=1`` turns retries off.

    With ``attempts_max`` None a call is tried until its time limit, which outlasts a restart of the server.
    """

    attempts_max: int | None = None
    first_pause_s: float = 0.1
    pause_s_max: float = 2.0


class Settings(msgspec.Struct, frozen=True):
    """Everything that a transport needs to know; the key is kept out of its repr."""

    https: bool
    host: str
    port: int
    prefix: str
    headers: dict[str, str]
    timeout_s: float
    connections: int
    policy: RetryPolicy

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.https else 'http'}://{host}:{self.port}{self.prefix}"

    def __repr__(self) -> str:
        return f"Settings({self.url!r})"


def first_set(argument: str | None, variables: tuple[str, ...], default: str) -> str:
    """The argument if given, else the first variable that is set, else the default."""
    if argument is not None:
        return argument
    return next((os.environ[name] for name in variables if os.environ.get(name)), default)


def resolve(
    api_key: str | None,
    base_url: str | None,
    timeout_s: float,
    connections: int,
    policy: RetryPolicy,
) -> Settings:
    """The settings of a client, checked; InvalidRequest says what is wrong with them."""
    key = first_set(api_key, KEY_VARIABLES, "")
    if not key.isascii() or not key.isprintable():
        raise InvalidRequest("the API key must be printable ASCII", code="bad_api_key")
    url = first_set(base_url, URL_VARIABLES, DEFAULT_URL)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidRequest(f"not a base URL: {url!r}: {error}", code="bad_url") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InvalidRequest(f"a base URL looks like {DEFAULT_URL}, got {url!r}", code="bad_url")
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest("pass the key as api_key, not inside the URL", code="bad_url")
    timeout_s, connections = number("timeout", timeout_s), integer("connections", connections)
    if not timeout_s > 0:
        raise InvalidRequest(f"timeout must be more than 0 seconds, got {timeout_s}", code="bad_timeout")
    if not 1 <= connections <= CONNECTIONS_MAX:
        raise InvalidRequest(f"connections must be 1 … {CONNECTIONS_MAX}", code="bad_connections")
    https = parts.scheme == "https"
    return Settings(
        https=https,
        host=parts.hostname,
        port=port or (443 if https else 80),
        prefix=parts.path.rstrip("/"),
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout_s=float(timeout_s),
        connections=connections,
        policy=policy,
    )
