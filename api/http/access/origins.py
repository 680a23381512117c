"""Without keys: which requests a web page could have made, which is shown to a user of this machine.

A browser sends what any page asks it to send, also to a port that only this machine can reach. The page
cannot choose the headers ``Host``, ``Origin`` and ``Sec-Fetch-Site``, and cannot send JSON to another origin
without asking first.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from asteroid_cloud.api.wire.media_types import BYTES, JSON
from asteroid_cloud.wal.errors import InvalidRequest

READING_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
WRITE_TYPES = {JSON.encode(), BYTES.encode()}
OWN_SITES = {b"same-origin", b"none"}
"""What a browser says of a request of our own page, or of its user."""
HOSTS_KNOWN_MAX = 100


class OriginRule:
    """Refuses what may come from a page of another site."""

    def __init__(self, host: str) -> None:
        """``host`` is the address that the server listens on."""
        self._host = host.lower()
        self._known: set[bytes] = set()
        """Values of Host that are right, so that most are not parsed again."""

    def check(self, method: str, headers: Mapping[bytes, bytes], *, is_page: bool, is_read: bool) -> None:
        """Raises InvalidRequest ``forbidden_origin`` or ``unsupported_media_type``.

        A link on any site may lead to a page of ours (``is_page``), which shows no data by itself. A read
        (``is_read``) changes nothing, whatever its method.
        """
        host = headers.get(b"host", b"localhost")
        if host not in self._known:
            if not self._is_own(host):
                raise _forbidden(f"Host is {host!r}, which is no name of this machine")
            if len(self._known) < HOSTS_KNOWN_MAX:
                self._known.add(host)
        origin = headers.get(b"origin")
        if origin is not None and origin.partition(b"://")[2].lower() != host.lower():
            raise _forbidden(f"Origin is {origin!r:.80}")
        site = headers.get(b"sec-fetch-site")
        if site is not None and site not in OWN_SITES and not (is_page and method in READING_METHODS):
            raise _forbidden(f"Sec-Fetch-Site is {site!r:.80}")
        if method not in READING_METHODS and not is_read:
            _check_type(headers)

    def _is_own(self, host: bytes) -> bool:
        name = host.decode("latin-1").lower()
        name, _, port = name.rpartition(":") if not name.endswith("]") and ":" in name else (name, "", "")
        if port and not port.isdecimal():
            return False
        name = name.removeprefix("[").removesuffix("]")
        if name in ("localhost", self._host) or name.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def _check_type(headers: Mapping[bytes, bytes]) -> None:
    """A write says that it is JSON, or a bulk load; one without a body may say nothing."""
    kind = headers.get(b"content-type")
    has_body = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
    if kind is None and not has_body:
        return
    if (kind or b"").partition(b";")[0].strip().lower() not in WRITE_TYPES:
        raise InvalidRequest(
            f"without keys, a write needs the header Content-Type: {JSON} (or {BYTES}, for a bulk load)",
            code="unsupported_media_type",
        )


def _forbidden(reason: str) -> InvalidRequest:
    return InvalidRequest(
        f"{reason}: a server without keys answers only what comes from this machine, and no other web page",
        code="forbidden_origin",
    )
