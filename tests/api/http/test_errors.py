"""Every error has a code, every code a status, and every answer the one shape."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from litestar.exceptions import HTTPException

from asteroid_cloud.api.http.errors import STATUS_BY_CODE, STATUS_BY_KIND, answer_to, status_of
from asteroid_cloud.wal import errors
from asteroid_cloud.wal.errors import (
    AsteroidError,
    Conflict,
    CorruptionError,
    InvalidRequest,
    NotFound,
    Overloaded,
    StorageError,
    TooLarge,
    Unauthorized,
)

ROOT = Path(__file__).resolve().parents[3]
LAYERS = ("wal", "indexer", "query", "api")
NOT_OF_REQUESTS = {
    *("bad_settings", "bad_chunk", "bad_file"),
    *("bad_point", "another_store", "nothing_to_undo", "bad_lsn", "exists"),
}
"""Codes of errors that no request can cause: of the command, and of the embedded store's own arguments."""
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AsteroidError)]


def sources() -> list[Path]:
    """All modules that may raise something that becomes an answer."""
    return [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]


def codes_in(path: Path) -> Iterator[tuple[str, int]]:
    """Codes given by name, set as a class's own, compared with, or named like one (``bad_…``)."""
    for node in ast.walk(ast.parse(path.read_text())):
        values: list[ast.expr | None] = []
        match node:
            case ast.keyword(arg="code"):
                values = list(branches(node.value))
            case ast.Assign(targets=[ast.Name(id="default_code" | "code")]):
                values = list(branches(node.value))
            case ast.arg(arg="code"):
                continue
            case ast.Compare(left=ast.Attribute(attr="code")):
                values = list(node.comparators)
            case ast.Call(args=args):
                values = [value for value in args if is_named_like_one(value)]
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value, value.lineno


def branches(value: ast.expr) -> Iterator[ast.expr]:
    """The expression, or both sides of a choice."""
    if isinstance(value, ast.IfExp):
        yield from branches(value.body)
        yield from branches(value.orelse)
    elif isinstance(value, ast.BoolOp):
        yield from value.values
    else:
        yield value


def is_named_like_one(value: ast.expr) -> bool:
    """Whether it is a code by its looks."""
    return (
        isinstance(value, ast.Constant)
        and isinstance(value.value, str)
        and re.fullmatch(r"bad_[a-z_]+", value.value) is not None
    )


def test_every_code_raised_anywhere_has_a_status() -> None:
    found = [(code, path, line) for path in sources() for code, line in codes_in(path)]
    assert len({code for code, _, _ in found}) > 25, "the search finds nothing"
    missing = [
        f"{path.relative_to(ROOT)}:{line} {code}"
        for code, path, line in found
        if code not in STATUS_BY_CODE and code not in NOT_OF_REQUESTS
    ]
    assert missing == []


def test_every_code_with_a_status_is_raised_somewhere() -> None:
    text = "".join(path.read_text() for path in sources() if path.name != "errors.py" or "wal" in path.parts)
    text += re.sub(
        r"STATUS_BY_CODE = \{.*?\n\}", "", (ROOT / "api/http/errors.py").read_text(), flags=re.DOTALL
    )
    assert [code for code in STATUS_BY_CODE if f'"{code}"' not in text] == []


def test_the_table_stands_in_one_place_and_names_each_code_once() -> None:
    tables = [
        node
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Dict) and len(node.keys) > 10 and all(map(maps_to_a_status, node.values))
    ]
    assert len(tables) == 1
    keys = [key.value for key in tables[0].keys if isinstance(key, ast.Constant)]
    assert keys == list(STATUS_BY_CODE)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in STATUS_BY_CODE)
    assert all(400 <= status < 600 and status != 405 for status in STATUS_BY_CODE.values())


def maps_to_a_status(value: ast.expr) -> bool:
    """Whether it looks like the status of an error."""
    return isinstance(value, ast.Constant) and isinstance(value.value, int) and 400 <= value.value < 600


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


def caused(cause: BaseException) -> HTTPException:
    """What the framework makes of an error within a body."""
    error = HTTPException(detail="the framework's own words", status_code=400)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (msgspec.ValidationError("Object contains unknown field `x`"), 400, "unknown_field"),
        (msgspec.ValidationError("Object missing required field `x`"), 400, "missing_field"),
        (msgspec.ValidationError("Expected `int`, got `str`"), 400, "bad_request"),
        (msgspec.DecodeError("Input data was truncated"), 400, "bad_json"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), 400, "bad_json"),
        (RecursionError("too deep"), 400, "bad_json"),
        (caused(msgspec.DecodeError("truncated")), 400, "bad_json"),
        (caused(RecursionError()), 400, "bad_json"),
        (HTTPException(detail="bad query", status_code=400), 400, "bad_request"),
        (HTTPException(status_code=404), 404, "not_found"),
        (HTTPException(status_code=405), 404, "not_found"),
        (HTTPException(status_code=413), 413, "payload_too_large"),
        (HTTPException(status_code=500), 500, "internal"),
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
