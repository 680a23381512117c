"""Writes indexer/native/words/unicode_*.cpp from this interpreter's Unicode database.

    python -m ops.unicode

The table is committed: words must not depend on the interpreter that a store is opened with. Write it again
only together with a new ``ANALYSER_VERSION``: every text index is rebuilt then.
"""

from __future__ import annotations

import base64
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "indexer/native/words"
CODES = range(0x110000)
OTHER, WORD, MARK, CJK, IGNORED = range(5)
CJK_NAMES = (
    *("CJK ", "IDEOGRAPHIC ", "HIRAGANA ", "KATAKANA ", "KATAKANA-HIRAGANA ", "HANGUL "),
    *("HALFWIDTH KATAKANA", "HALFWIDTH HANGUL"),
)
LINE = 102


def kind(code: int) -> int:
    """What a character is to a word."""
    char = chr(code)
    category = unicodedata.category(char)
    if 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or category == "Cf" or code == 0x034F:
        return IGNORED
    if category[0] == "M":
        return MARK
    if category[0] in "LN":
        is_cjk = category in ("Lo", "Lm", "Nl") and unicodedata.name(char, "").startswith(CJK_NAMES)
        return CJK if is_cjk else WORD
    return OTHER


def folded(code: int) -> str:
    """The character, decomposed and without case."""
    whole = unicodedata.normalize("NFKD", chr(code))
    return unicodedata.normalize("NFKD", whole.casefold())


def is_syllable(code: int) -> bool:
    """Whether it is a syllable of Hangul, which the program takes apart and joins by arithmetic."""
    return 0xAC00 <= code <= 0xD7A3


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def zigzag(value: int) -> bytes:
    """A varint of a signed number."""
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


def runs(values: list[int]) -> Iterator[bytes]:
    """Each run of one value: its length, and the value."""
    first = 0
    for place in range(1, len(values) + 1):
        if place == len(values) or values[place] != values[first]:
            yield varint(place - first) + varint(values[first])
            first = place


def mappings() -> list[bytes]:
    """Ranges of characters that become others: gap, how many, how many codes each, whether they are composed
    of a first character and the last code, for each code how far it is from the character, and the first
    character likewise.
    """
    found: list[tuple[int, tuple[int, ...], int]] = []
    for code in CODES:
        text = folded(code) if not 0xD800 <= code <= 0xDFFF and not is_syllable(code) else chr(code)
        if text == chr(code):
            continue
        pair = 0
        if len(text) > 1 and unicodedata.normalize("NFC", text) == chr(code):
            before = unicodedata.normalize("NFC", text[:-1])
            if len(before) != 1 or unicodedata.normalize("NFC", before + text[-1]) != chr(code):
                raise SystemExit(f"U+{code:04X} is not composed of what precedes its last mark")
            pair = ord(before) - code
        found.append((code, tuple(ord(each) - code for each in text), pair))
    out, last, place = [], 0, 0
    while place < len(found):
        code, deltas, pair = found[place]
        count = 1
        while (
            place + count < len(found) and found[place + count] == (code + count, deltas, pair) and not pair
        ):
            count += 1
        head = varint(code - last) + varint(count) + varint(2 * len(deltas) + bool(pair))
        tail = zigzag(pair) if pair else b""
        out.append(head + b"".join(map(zigzag, deltas)) + tail)
        last, place = code + count, place + count
    return out


def literal(name: str, data: bytes) -> str:
    """A table as a constant of the program."""
    text = base64.b64encode(data).decode()
    lines = [f'    "{text[at : at + LINE]}"' for at in range(0, len(text), LINE)]
    return f"const char* const {name} =\n" + "\n".join(lines) + ";\n"


def write(name: str, body: str) -> None:
    """Writes one file of the table."""
    about = "// Made by ops/unicode, which says what it holds."
    opening = '#include "words/unicode_data.hpp"\n\nnamespace asteroid {'
    text = f"{about}\n{opening}\n\n{body}\n}}  // namespace asteroid\n"
    (FOLDER / name).write_text(text)
    sys.stdout.write(f"{FOLDER / name}: {len(text.splitlines())} lines\n")


def main() -> None:
    """Writes the files."""
    version = f'const char* const UNICODE_VERSION = "{unicodedata.unidata_version}";\n\n'
    kinds = b"".join(runs([kind(code) for code in CODES]))
    classes = b"".join(runs([unicodedata.combining(chr(code)) for code in CODES]))
    write(
        "unicode_kinds.cpp",
        version + literal("UNICODE_KINDS", kinds) + "\n" + literal("UNICODE_CLASSES", classes),
    )
    found = mappings()
    half = len(found) // 2
    # In two parts, each of them whole ranges: the second goes on from the first.
    write("unicode_mappings.cpp", literal("UNICODE_MAPPINGS", b"".join(found[:half])))
    write("unicode_mappings_on.cpp", literal("UNICODE_MAPPINGS_ON", b"".join(found[half:])))


if __name__ == "__main__":
    main()
