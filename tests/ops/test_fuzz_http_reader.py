"""A few cases of the fuzzer of the blocking client's reader; `make fuzz` runs very many."""

from __future__ import annotations

import http.client

import pytest

from asteroid_cloud.client.sync.connections import FinalResponse
from ops.fuzz.http_reader import Case

CASES = 600


def test_damaged_answers_lead_to_errors_of_the_client_or_to_whole_answers() -> None:
    assert {Case(number).run() for number in range(CASES)} == {"answer", "ConnectionFailed"}


def test_the_fuzzer_sees_headers_that_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FinalResponse, "begin", http.client.HTTPResponse.begin)
    found = 0
    for number in range(CASES):
        try:
            Case(number).run()
        except AssertionError:
            found += 1
    assert found > 0
