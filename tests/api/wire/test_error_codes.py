"""Every code that is raised is in the table of codes, which stands in one place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from asteroid_cloud.api.wire.error_codes import ERROR_CODES, LOCAL_CODES, STATUS_BY_CODE

ROOT = Path(__file__).resolve().parents[3]
LAYERS = ("wal", "indexer", "query", "api")


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
        if code not in STATUS_BY_CODE and code not in LOCAL_CODES
    ]
    assert missing == []


def test_every_code_in_the_table_is_raised_somewhere() -> None:
    tables = {ROOT / "api/wire/error_codes.py"}
    text = "".join(path.read_text() for path in sources() if path not in tables)
    assert [code for code in (*ERROR_CODES, *LOCAL_CODES) if f'"{code}"' not in text] == []


def test_the_table_stands_in_one_place_and_names_each_code_once() -> None:
    tables = [
        (path, node)
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Dict) and len(node.keys) > 10 and all(map(maps_to_a_status, node.values))
    ]
    assert [path for path, _ in tables] == [ROOT / "api/wire/error_codes.py"]
    keys = [key.value for key in tables[0][1].keys if isinstance(key, ast.Constant)]
    assert keys == list(STATUS_BY_CODE)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in STATUS_BY_CODE)
    assert all(400 <= status < 600 and status != 405 for status in STATUS_BY_CODE.values())
    assert not ERROR_CODES.keys() & LOCAL_CODES.keys()


def maps_to_a_status(value: ast.expr) -> bool:
    """Whether it looks like the status of an error, alone or first of several things."""
    first = value.args[0] if isinstance(value, ast.Call) and value.args else value
    return isinstance(first, ast.Constant) and isinstance(first.value, int) and 400 <= first.value < 600


def test_every_code_has_a_meaning_and_an_action_that_are_sentences() -> None:
    texts = [text for each in ERROR_CODES.values() for text in (each.meaning, each.action)]
    texts += [text for each in LOCAL_CODES.values() for text in each]
    assert [text for text in texts if not re.fullmatch(r"[A-Z`].+\.", text)] == []


def test_codes_stand_in_the_order_of_their_statuses() -> None:
    statuses = [each.status for each in ERROR_CODES.values()]
    assert statuses == sorted(statuses)
