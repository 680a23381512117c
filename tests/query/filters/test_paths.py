"""One way to write a path: any keys can be reached, and what is no path is refused with its place."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from asteroid_cloud.client import F
from asteroid_cloud.query import (
    FilterCache,
    MalformedPath,
    facets,
    field_path,
    field_range,
    parse_filter,
    parse_path,
    path_text,
)
from asteroid_cloud.wal.errors import InvalidRequest
from tests.support import oracle
from tests.support.parts import World

WRITTEN: list[tuple[str, tuple[str, ...]]] = [
    ("a", ("a",)),
    ("a.b", ("a", "b")),
    (r"a\.b", ("a.b",)),
    (r"a\\.b", ("a\\", "b")),
    (r"a\\\.b", ("a\\.b",)),
    (r"\$a", ("$a",)),
    (r"\$", ("$",)),
    (r"\$$", ("$$",)),
    (r"a.\$b", ("a", "$b")),
    ("a.$b", ("a", "$b")),
    ("a$b", ("a$b",)),
    (r"\..\\", (".", "\\")),
    ("", ("",)),
    ("a..b.", ("a", "", "b", "")),
    ("é\n.\U0001f600", ("é\n", "\U0001f600")),
]
MALFORMED = [
    "$",
    "$a",
    "$a.b",
    "\\",
    "a\\",
    "a.\\",
    r"\a",
    r"a\nb",
    r"a\$b",
    r"\$\$",
    r"\\\$",
    "\\\n",
    r"a\ .b",
]
LETTERS = ["a", "b", ".", "\\", "$", "\n", "é", "\U0001f600"]


@pytest.mark.parametrize(("text", "path"), WRITTEN)
def test_a_text_is_these_keys(text: str, path: tuple[str, ...]) -> None:
    assert parse_path(text) == path
    assert parse_path(path_text(path)) == path


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_path_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(MalformedPath):
        parse_path(text)
    with pytest.raises(InvalidRequest) as caught:
        field_path(text)
    assert caught.value.code == "bad_field"
    with pytest.raises(InvalidRequest) as caught:
        parse_filter(json.dumps({"$or": [{"ok": 1}, {text: 1}]}).encode())
    assert caught.value.code == "bad_filter"
    assert caught.value.details["at"].startswith("$.$or[1]")


def test_any_keys_can_be_written_and_every_text_means_what_letters_say() -> None:
    random = Random(14)
    for _ in range(5_000):
        keys = tuple(
            "".join(random.choices(LETTERS, k=random.randrange(4))) for _ in range(random.randint(1, 3))
        )
        assert parse_path(path_text(keys)) == parse_path(F.of_keys(*keys).path) == keys
        assert oracle.steps(path_text(keys)) == list(keys)
        text = "".join(random.choices(LETTERS, k=random.randrange(7)))
        try:
            found: list[str] | None = list(parse_path(text))
        except MalformedPath:
            found = None
        assert found == oracle.steps(text), text


def random_object(random: Random, keys: list[str], depth: int = 2) -> dict[str, Any]:
    return {
        key: random_object(random, keys, depth - 1)
        if depth and random.random() < 0.5
        else random.randrange(3)
        for key in keys
        if random.random() < 0.6
    }


def test_odd_keys_are_found_counted_and_bounded() -> None:
    random, keys = Random(3), ["a", "a.b", "$a", "b\\", "\\", "."]
    payloads = [random_object(random, keys) for _ in range(400)]
    world = World(1)
    world.upsert(range(len(payloads)), payloads=[json.dumps(each).encode() for each in payloads])
    snapshot, cache, met = world.snapshot(), FilterCache(), 0
    for _ in range(200):
        path = tuple(random.choices(keys, k=random.randint(1, 3)))
        text, wanted = path_text(path), random.randrange(3)
        having = [each for each in payloads if type(oracle.at(each, text)) is int]
        equal = [each for each in having if oracle.at(each, text) == wanted]
        found = parse_filter({text: wanted})
        assert [found.matches(each) for each in payloads] == [each in equal for each in payloads]
        assert parse_filter(F.of_keys(*path) == wanted).key == found.key
        values = facets(snapshot, cache, field_path(text), limit=10).values
        assert sum(each.count for each in values) == len(having)
        numbers = field_range(snapshot, cache, field_path(text)).numbers
        assert (numbers.rows if numbers else 0) == len(having)
        met += bool(equal)
    assert met > 100
