"""The words that the core finds in texts are those of the Unicode database, whatever the texts are."""

from __future__ import annotations

import random
import unicodedata

import pytest

from asteroid_cloud.indexer.native import core
from tests.support.bm25 import default_words

SAME_DATABASE = pytest.mark.skipif(
    unicodedata.unidata_version != core.UNICODE_VERSION, reason="this interpreter has another database"
)
BLOCKS = [
    *(range(0x20, 0x7F), range(0xA0, 0x250), range(0x300, 0x370), range(0x370, 0x530), range(0x590, 0x700)),
    *(range(0x900, 0xA00), range(0x1100, 0x1200), range(0x1E00, 0x2000), range(0x3040, 0x3100)),
    *(range(0x4E00, 0x4F00), range(0xAC00, 0xAD00), range(0xFF00, 0xFFF0), range(0x1F600, 0x1F650)),
]


def found(text: str, language: str = "") -> list[str]:
    return [word.decode() for word in core.words(text.encode(), language)]


@SAME_DATABASE
def test_every_character_alone_is_what_the_database_says() -> None:
    texts = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    assert [text for text in texts if found(text) != default_words(text)] == []


@SAME_DATABASE
def test_runs_of_characters_are_folded_and_joined_as_the_database_says() -> None:
    rng = random.Random(1)
    for _ in range(20_000):
        text = "".join(chr(rng.choice(rng.choice(BLOCKS))) for _ in range(rng.randrange(1, 9)))
        assert found(text) == default_words(text), ascii(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, World! don't", ["hello", "world", "don", "t"]),
        ("STRASSE Straße \ufb01ne", ["strasse", "strasse", "fine"]),
        ("École e\u0301cole", ["école", "école"]),
        ("日本語 犬", ["日本", "本語", "犬"]),
        ("ｶﾞｷﾞ", ["ガギ"]),
        ("soft\u00adhyphen 👩‍👩‍👧 🙂", ["softhyphen"]),
        ("x" * 80, ["x" * 63]),
        ("é" * 80, ["é" * 63]),
        ("", []),
        ("…—!", []),
    ],
)
def test_words_are_these(text: str, words: list[str]) -> None:
    assert found(text) == words


def test_bytes_that_are_no_text_end_a_word() -> None:
    assert core.words(b"a\xffb\xc3 \xe6\x97x \xed\xa0\x80 \xf5z \xc0\x80q") == [b"a", b"b", b"x", b"z", b"q"]


def test_words_are_stemmed_in_a_language_but_those_of_cjk_are_not() -> None:
    assert found("Running dogs 日本語", "english") == ["run", "dog", "日本", "本語"]
    assert found("Running dogs", "german") != ["run", "dog"]
    for language in core.TEXT_LANGUAGES:
        assert len(found("Running dogs 日本語", language)) == 4


def test_a_language_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="klingon"):
        core.words(b"a", "klingon")
