"""Figures: a text that Prometheus reads, labels that stay few, and what the engine tells."""

from __future__ import annotations

import re

import pytest

from asteroid_cloud.api.metrics import Histogram, Metrics
from asteroid_cloud.indexer import Phase
from tests.api.shell import STATS, FakeStore, ask, shell

pytestmark = pytest.mark.anyio

SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="[^"\\\n]*",?)*)\})? (-?[0-9.e+-]+|\+Inf|NaN)')
LABEL = re.compile(r'([a-z]+)="([^"]*)"')


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of an exposition; fails on a line that is neither a sample nor a comment."""
    found = {}
    for line in text.splitlines():
        if line.startswith(("# HELP ", "# TYPE ")):
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        key = (match[1], frozenset(LABEL.findall(match[2] or "")))
        assert key not in found, line
        found[key] = float(match[3])
    return found


async def scraped(app: object) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answered = await ask(app, "GET", "/metrics")  # type: ignore[arg-type]
    assert answered.status == 200
    assert answered.headers["content-type"].startswith("text/plain; version=0.0.4")
    return samples(answered.body.decode())


async def test_requests_are_counted_by_template_and_not_by_path() -> None:
    app = shell()
    for number in range(20):
        await ask(app, "DELETE", f"/v1/vectors/{number}/nope")
        await ask(app, "GET", f"/v1/vectors/x{number}")
        await ask(app, "GET", f"/made/up/{number}")
    found = await scraped(app)
    routes = {dict(labels)["route"] for name, labels in found if name == "asteroid_http_requests_total"}
    assert routes == {"unmatched", "/v1/vectors/{id}"}
    counted = {
        (dict(labels)["method"], dict(labels)["route"], dict(labels)["status"]): value
        for (name, labels), value in found.items()
        if name == "asteroid_http_requests_total"
    }
    assert counted["GET", "/v1/vectors/{id}", "4xx"] == 20
    assert counted["GET", "unmatched", "4xx"] == 20


async def test_the_engines_figures_are_there_once_it_is_ready() -> None:
    store = FakeStore()
    found = await scraped(shell(store))
    for name, value in {
        "vectors": 7,
        "wal_durable_lsn": 9,
        "index_lag_seconds": 0.5,
        "tombstones": 2,
    }.items():
        assert found[f"asteroid_{name}", frozenset()] == value
    store.engine.phase = Phase("recovering", 0.5, "reading the log")
    early = await scraped(shell(store))
    assert ("asteroid_vectors", frozenset()) not in early
    assert ("asteroid_http_requests_in_flight", frozenset()) in early


def test_a_histogram_counts_up_to_each_bound_and_everything_last() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(value)
    found = samples("\n".join(histogram.lines("waits", 'route="/x"')))
    by_bound = {
        dict(labels)["le"]: value for (name, labels), value in found.items() if name == "waits_bucket"
    }
    assert by_bound == {"0.1": 2, "1.0": 3, "+Inf": 4}
    assert found["waits_count", frozenset({("route", "/x")})] == 4
    assert found["waits_sum", frozenset({("route", "/x")})] == pytest.approx(7.65)


def test_every_figure_says_what_it_is() -> None:
    metrics = Metrics()
    metrics.observe_request("GET", "/ready", 200, 0.01)
    text = metrics.render(STATS, 5)
    typed = set(re.findall(r"# TYPE ([a-z_]+) ", text))
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name, _ in samples(text)}
    assert names == typed
    assert typed - set(re.findall(r"# HELP ([a-z_]+) ", text)) == set()
