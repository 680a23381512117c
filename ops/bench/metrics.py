"""Reading a histogram out of the server's /metrics, between two moments."""

from __future__ import annotations

import re
import urllib.request

LAG = "asteroid_event_loop_lag_seconds"
BUCKET = re.compile(r'^(\w+)_bucket\{(?:.*,)?le="([^"]+)"\} (\S+)$', re.MULTILINE)

Buckets = dict[float, int]
"""Cumulative counts by upper bound; the last bound is infinity."""


def fetch(url: str) -> str:
    """The server's figures as text."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        text: bytes = answer.read()
    return text.decode()


def buckets(text: str, name: str) -> Buckets:
    """One histogram without labels; empty when there is none of that name."""
    return {float(bound): int(float(count)) for found, bound, count in BUCKET.findall(text) if found == name}


def between(before: Buckets, after: Buckets) -> Buckets:
    """The observations between two moments."""
    return {bound: count - before.get(bound, 0) for bound, count in after.items()}


def quantile_bound(histogram: Buckets, share: float) -> float:
    """The upper bound of the bucket that has the quantile."""
    total = max(histogram.values(), default=0)
    return min((bound for bound, count in histogram.items() if count >= share * total), default=0.0)
