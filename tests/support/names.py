"""Ids that are strings: any there may be, and those that are easily taken for something else."""

from __future__ import annotations

from hypothesis import strategies as st

from asteroid_cloud.wal.limits import ID_BYTES_MAX

NASTY = [
    "0",
    "7",
    "007",
    "-1",
    "1.0",
    "18446744073709551616",
    "null",
    "true",
    "batch",
    ".",
    "..",
    "a/payload",
    "a//",
    "/",
    "%2F",
    "a b",
    " a",
    "a ",
    "A",
    "\x00",
    "a\x00b",
    "\n",
    "\\",
    '"',
    "'",
    "é",
    "e\u0301",
    "\ufeffa",
    "\u202ea",
    "👩\u200d👩\u200d👧",
    "\U0010ffff",
    "\uffff",
    "\ue000",
    "{}",
    "x" * ID_BYTES_MAX,
    "é" * (ID_BYTES_MAX // 2),
]
"""Each is an id of its own."""
NAMES = st.sampled_from(NASTY) | st.text(min_size=1, max_size=ID_BYTES_MAX // 4)
"""Any id."""
