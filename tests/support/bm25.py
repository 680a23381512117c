"""Words and BM25 as they are meant, done slowly: what the product's are compared with."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from itertools import pairwise
from typing import Any

from asteroid_cloud.indexer.native import core

CJK_NAMES = ("CJK ", "IDEOGRAPHIC ", "HIRAGANA ", "KATAKANA ", "KATAKANA-HIRAGANA ", "HANGUL ")
CJK_WIDTHS = ("HALFWIDTH KATAKANA", "HALFWIDTH HANGUL")
CHARACTERS_MAX, GAP = 63, 100
K1, B = 1.2, 0.75


def kind(char: str) -> str:
    """What a character is to a word: a letter "w", of CJK "c", a mark "m", ignored "i" or of no word "o"."""
    code, category = ord(char), unicodedata.category(char)
    if 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or category == "Cf" or code == 0x34F:
        return "i"
    if category[0] == "M":
        return "m"
    if category[0] not in "LN":
        return "o"
    is_cjk = unicodedata.name(char, "").startswith(CJK_NAMES + CJK_WIDTHS)
    return "c" if category in ("Lo", "Lm", "Nl") and is_cjk else "w"


def folded(text: str) -> str:
    """Compatibility form, without case."""
    each = (unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", c).casefold()) for c in text)
    return unicodedata.normalize("NFC", "".join(each))


def default_words(text: str) -> list[str]:
    """The words of a text by the default analyser."""
    words, at = [], 0
    while at < len(text):
        first = kind(text[at])
        if first not in "wc":
            at += 1
            continue
        run = ""
        while at < len(text) and (found := kind(text[at])) in {first, "m", "i"}:
            run += text[at] if found != "i" else ""
            at += 1
        words += [folded(run)[:CHARACTERS_MAX]] if first == "w" else pairs(folded(run))
    return words


def pairs(run: str) -> list[str]:
    """Each two neighbours of a run, a mark going with the character before it."""
    units: list[str] = []
    for char in run:
        if units and kind(char) == "m":
            units[-1] += char
        else:
            units.append(char)
    return units if len(units) == 1 else [a + b for a, b in pairwise(units)]


def words(text: str, language: str = "") -> list[str]:
    """The words as a field of that language has them; stems are the product's own."""
    if not language:
        return default_words(text)
    return [word.decode() for word in core.words(text.encode(), language)]


def tokens(value: Any, language: str) -> list[tuple[str, int]]:
    """The words of a field, each with its position."""
    found, position = [], 0
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str):
            for word in words(text, language):
                found.append((word, position))
                position += 1
            position += GAP
    return found


class Bm25:
    """An index of documents by id, for fields with their languages."""

    def __init__(self, documents: Mapping[Any, Mapping[str, Any]], fields: Mapping[str, str]) -> None:
        self.documents, self.languages = documents, fields
        self._tokens = {
            field: {id: tokens(document.get(field), language) for id, document in documents.items()}
            for field, language in fields.items()
        }

    def ranked(
        self,
        query: str,
        fields: Sequence[str] | None = None,
        *,
        needs_all: bool = False,
        is_phrase: bool = False,
        allowed: Container[Any] | None = None,
    ) -> list[tuple[float, Any]]:
        """(score, id) of all that match, the best first."""
        chosen = list(self.languages) if fields is None else list(fields)
        scores: dict[Any, float] = {}
        for field in chosen:
            for id, score in self._scores(field, words(query, self.languages[field])).items():
                scores[id] = scores.get(id, 0.0) + score
        found = [
            (score, id)
            for id, score in scores.items()
            if (allowed is None or id in allowed)
            and (not needs_all or self._has_all(id, query, chosen))
            and (not is_phrase or any(self._has_phrase(id, query, field) for field in chosen))
        ]
        return sorted(found, key=lambda pair: (-pair[0], pair[1]))

    def _scores(self, field: str, query: Sequence[str]) -> dict[Any, float]:
        having = {id: found for id, found in self._tokens[field].items() if found}
        mean = sum(map(len, having.values())) / len(having) if having else 0.0
        times = {id: Counter(word for word, _ in found) for id, found in having.items()}
        rows = Counter(word for counts in times.values() for word in counts)
        scores: dict[Any, float] = {}
        for id, counts in times.items():
            for word in query:
                if tf := counts[word]:
                    idf = math.log(1 + (len(having) - rows[word] + 0.5) / (rows[word] + 0.5))
                    norm = K1 * (1 - B + B * len(having[id]) / mean)
                    scores[id] = scores.get(id, 0.0) + idf * tf * (K1 + 1) / (tf + norm)
        return scores

    def _has_all(self, id: Any, query: str, fields: Sequence[str]) -> bool:
        of_fields = [words(query, self.languages[field]) for field in fields]
        held = [{word for word, _ in self._tokens[field][id]} for field in fields]
        return all(
            any(field[number] in have for field, have in zip(of_fields, held, strict=True))
            for number in range(len(of_fields[0]))
        )

    def _has_phrase(self, id: Any, query: str, field: str) -> bool:
        wanted, places = words(query, self.languages[field]), set(self._tokens[field][id])
        return bool(wanted) and any(
            all((word, start + number) in places for number, word in enumerate(wanted)) for _, start in places
        )
