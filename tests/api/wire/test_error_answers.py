"""Every answer to an error has the one shape, and the log has what the answer must not tell."""

from __future__ import annotations

import json
import logging

import msgspec
import pytest

from asteroid_cloud.api.wire.error_answers import answer_to
from asteroid_cloud.api.wire.error_codes import STATUS_BY_CODE, STATUS_BY_KIND, status_of
from asteroid_cloud.wal import errors
from asteroid_cloud.wal.errors import (
    AsteroidError,
    Conflict,
    CorruptionError,
    InvalidRequest,
    NoSpace,
    NotFound,
    Overloaded,
    Poisoned,
    StorageError,
    TooLarge,
    Unauthorized,
)

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AsteroidError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_error_has_the_status_of_its_own_code(kind: type[AsteroidError]) -> None:
    error = kind("p", 1, "r") if kind is CorruptionError else kind("it failed")
    assert status_of(error) == STATUS_BY_CODE[kind.default_code]
    answer = answer_to(error)
    assert answer.status == status_of(error)
    assert json.loads(answer.body).keys() == {"error", "code"}


@pytest.mark.parametrize(("kind", "status"), [*STATUS_BY_KIND, (StorageError, 500), (AsteroidError, 500)])
def test_an_unknown_code_has_the_status_of_its_kind(kind: type[AsteroidError], status: int) -> None:
    assert status_of(kind("it failed", code="quite_new")) == status


def test_the_details_of_an_error_are_in_its_answer() -> None:
    answer = answer_to(InvalidRequest("item 3 is wrong", code="bad_item", index=3, reason="no id"))
    assert json.loads(answer.body) == {
        "error": "item 3 is wrong",
        "code": "bad_item",
        "index": 3,
        "reason": "no id",
    }


@pytest.mark.parametrize(
    ("retry_after_s", "header"), [(0.0, "1"), (0.2, "1"), (1.4, "1"), (2.0, "2"), (61.2, "61")]
)
def test_come_back_later_says_when(retry_after_s: float, header: str) -> None:
    assert answer_to(Overloaded("busy", retry_after_s=retry_after_s)).headers == {"Retry-After": header}


def test_a_missing_key_names_the_scheme() -> None:
    assert answer_to(Unauthorized("no key")).headers == {"WWW-Authenticate": "Bearer"}


def test_damage_does_not_tell_where_the_files_are() -> None:
    answer = answer_to(CorruptionError("/srv/secret/00.wal", 7, "bad checksum"))
    assert (answer.status, json.loads(answer.body)["code"]) == (500, "corruption")
    assert b"secret" not in answer.body


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (msgspec.ValidationError("Object contains unknown field `x`"), 400, "unknown_field"),
        (msgspec.ValidationError("Object missing required field `x`"), 400, "missing_field"),
        (msgspec.ValidationError("Expected `int`, got `str`"), 400, "bad_request"),
        (msgspec.DecodeError("Input data was truncated"), 400, "bad_json"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), 400, "bad_json"),
        (RecursionError("too deep"), 400, "bad_json"),
        (ValueError("ours"), 500, "internal"),
        (MemoryError(), 500, "internal"),
        (NotFound("no id"), 404, "not_found"),
        (Conflict("no", code="index_not_empty"), 409, "index_not_empty"),
        (TooLarge("no", code="batch_too_large"), 413, "batch_too_large"),
    ],
    ids=repr,
)
def test_every_exception_has_an_answer(error: BaseException, status: int, code: str) -> None:
    answer = answer_to(error)
    told = json.loads(answer.body)
    assert (answer.status, told["code"]) == (status, code)
    assert told["error"]


def test_a_bug_is_logged_and_named_by_a_request_id_only(caplog: pytest.LogCaptureFixture) -> None:
    told = json.loads(answer_to(ValueError("secret")).body)
    assert "secret" not in str(told)
    assert told["request_id"] in caplog.text
    assert "ValueError: secret" in caplog.text
    assert json.loads(answer_to(ValueError("again")).body)["request_id"] != told["request_id"]


def test_damage_is_logged_in_full_and_told_in_general(caplog: pytest.LogCaptureFixture) -> None:
    answer = answer_to(CorruptionError("/srv/data/wal/7.wal", 42, "bad checksum"))
    assert (answer.status, b"/srv" in answer.body) == (500, False)
    assert "/srv/data/wal/7.wal, byte 42: bad checksum" in caplog.text


@pytest.mark.parametrize("error", [NoSpace("the disk is full"), Poisoned("an fsync failed")])
def test_a_disk_that_fails_is_logged(error: AsteroidError, caplog: pytest.LogCaptureFixture) -> None:
    answer_to(error)
    assert [(record.levelno, error.message in record.message) for record in caplog.records] == [
        (logging.ERROR, True)
    ]


def test_a_callers_mistake_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    answer_to(InvalidRequest("no such field"))
    assert caplog.records == []
