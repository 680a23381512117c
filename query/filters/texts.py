"""The words of texts, as the default analyser finds them, and the tests of whole texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from asteroid_cloud.indexer.native import core
from asteroid_cloud.query.filters.patterns import compiled
from asteroid_cloud.query.filters.tree import ContainsFolded, ContainsWords, Phrase, Regex, Scan

BETWEEN = b"\0"
"""What no word has."""


def words_of(text: str) -> tuple[bytes, ...]:
    """The words of a text in their order, in UTF-8."""
    return tuple(core.words(text.encode()))


def text_test(scan: Scan) -> Callable[[str], bool]:
    """The test of a single text."""
    match scan:
        case ContainsFolded(folded):
            return lambda text: folded in text.casefold()
        case Regex(pattern):  # looked up each time, so that few are held compiled
            return lambda text: compiled(pattern).search(text) is not None
        case ContainsWords(words):
            return lambda text: bool(words) and words <= set(words_of(text))
        case Phrase(row):
            looked_for = _joined(row)
            return lambda text: bool(row) and looked_for in _joined(words_of(text))


def texts_test(scan: Scan) -> Callable[[list[str]], bool]:
    """The test of the strings of an array: one of them has to pass, or to have the words with others."""
    one = text_test(scan)
    if not isinstance(scan, ContainsWords):
        return lambda texts: any(map(one, texts))
    words = scan.words
    return lambda texts: bool(words) and words <= {word for text in texts for word in words_of(text)}


def _joined(words: Iterable[bytes]) -> bytes:
    return BETWEEN + BETWEEN.join(words) + BETWEEN
