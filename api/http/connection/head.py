"""Which requests are refused by their first line and headers alone, before anybody looks for a route.

The parser refuses what is no HTTP. What is refused here is HTTP that two programs may understand in two ways:
a proxy in front of this server could take it for another request than this server does.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

import httptools

from asteroid_cloud.wal.errors import InvalidRequest, NotFound

VERSIONS = ("1.1", "1.0")
SINGLE = frozenset(
    b"authorization content-encoding content-length content-type expect host idempotency-key if-match "
    b"if-none-match origin sec-fetch-site transfer-encoding x-request-id".split()
)
"""Headers that may be given once: two programs could choose two of them."""
SINGLE_PREFIXES = (b"x-asteroid-", b"x-astervec-", b"x-lsmvec-")
HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+;=\[\]:-]*")
SHORT_TARGET, TARGETS_KEPT = 128, 256
"""So many targets of so many bytes are remembered: most requests have one of a few."""
Headers = list[tuple[bytes, bytes]]


class Target(NamedTuple):
    """What a request asks for."""

    path: str
    """Percent-decoded."""
    raw_path: bytes
    query: bytes


def checked_target(method: bytes, url: bytes, version: str, headers: Headers) -> Target:
    """What the request asks for; raises InvalidRequest or NotFound. Names of headers are in lower case."""
    if version not in VERSIONS:
        raise InvalidRequest("this server speaks HTTP/1.1 and HTTP/1.0")
    single = _single(headers)
    host = single.get(b"host")
    if host is None and version != "1.0":
        raise InvalidRequest("the header Host is missing")
    if host is not None and not HOST.fullmatch(host):
        raise InvalidRequest("the header Host is not a host with a port")
    coding = single.get(b"transfer-encoding")
    if coding is not None and (coding.lower() != b"chunked" or version == "1.0"):
        raise InvalidRequest("Transfer-Encoding may be chunked only, and needs HTTP/1.1")
    if method == b"CONNECT" or url == b"*":
        raise NotFound("there is no such route")
    return _split_before(url, host) if len(url) <= SHORT_TARGET else _split(url, host)


def _single(headers: Headers) -> dict[bytes, bytes]:
    """The headers that may be given once, which none was twice."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in SINGLE or name.startswith(SINGLE_PREFIXES):
            if name in found:
                raise InvalidRequest(f"the header {name.decode('latin-1')} is given twice")
            found[name] = value
    return found


def _split(url: bytes, host: bytes | None) -> Target:
    """Path and query of the target, which may be a whole address of the host that is asked."""
    try:
        parsed = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError as error:
        raise InvalidRequest("the target of the request is not a path") from error
    if b"#" in url:
        raise InvalidRequest("the target of the request has a fragment")
    if not url.startswith(b"/"):
        authority = url.partition(b"://")[2].partition(b"/")[0].partition(b"?")[0]
        if parsed.schema not in (b"http", b"https") or authority.lower() != (host or b"").lower():
            raise InvalidRequest("the target of the request is neither a path nor an address of this Host")
    raw_path = parsed.path or b"/"
    path = raw_path.decode("ascii")
    return Target(unquote(path) if "%" in path else path, raw_path, parsed.query or b"")


_split_before = lru_cache(TARGETS_KEPT)(_split)
