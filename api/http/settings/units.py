"""How settings are written: sizes (``256MiB``), lengths of time (``12h``), addresses."""

from __future__ import annotations

import ipaddress
import re

from asteroid_cloud.wal.limits import KIB, MIB

SIZE = re.compile(r"([0-9]+)\s*(B|KiB|MiB|GiB|TiB)?", re.IGNORECASE)
UNITS = {"": 1, "b": 1, "kib": KIB, "mib": MIB, "gib": 1024 * MIB, "tib": 1024 * 1024 * MIB}
AGE = re.compile(r"([1-9][0-9]{0,6})([smhd])")
AGE_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


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


def check_age(name: str, text: str) -> None:
    """Raises ValueError for what is no time, naming the setting."""
    try:
        parse_age_s(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def check_size(name: str, text: str, least: int = MIB) -> None:
    """Raises ValueError for what is no size, or less than ``least``, naming the setting."""
    try:
        size = parse_size(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if size < least:
        raise ValueError(f"{name} must be at least {'1MiB' if least == MIB else '1KiB'}")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
