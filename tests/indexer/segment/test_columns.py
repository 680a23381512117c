"""The shredder reads JSON as Python does, and a field file is whole or refused."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from tempfile import gettempdir

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.indexer import Fields
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment import column_file
from asteroid_cloud.indexer.segment.column_file import write_fields
from asteroid_cloud.indexer.segment.payload_file import PayloadFile, write_payloads
from asteroid_cloud.query.filters.instants import instant
from asteroid_cloud.wal.disk.local_files import LocalFiles
from asteroid_cloud.wal.errors import CorruptionError, UnsupportedVersion
from tests.support.old_columns import forget_dates

FILES, IDENTITY = LocalFiles(), b"0123456789abcdef"
MIB = 1 << 20

numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)


def shredded(*texts: bytes) -> core.Shredder:
    shredder = core.Shredder(256, 8, MIB, gettempdir())
    shredder.add(list(texts))
    return shredder


def sorted_column(shredder: core.Shredder, name: core.ColumnName) -> core.SortedColumn:
    column = shredder.take(name, 1000, 0)
    while column.step(1):
        pass
    return column


def column(shredder: core.Shredder, kind: str) -> core.SortedColumn:
    name = next(
        each for each in shredder.columns if each.kind.name == kind and shredder.path(each) == (["a"], False)
    )
    return sorted_column(shredder, name)


@given(numbers, st.booleans())
def test_numbers_are_the_doubles_that_python_reads(number: float, spaced: bool) -> None:
    text = json.dumps({"a": number}, separators=None if spaced else (",", ":")).encode()
    found = column(shredded(text), "number")
    assert found.is_exact
    assert found.numbers.tolist() == [float(json.loads(text)["a"])]


@given(st.text(max_size=20), st.booleans())
def test_strings_are_unescaped(value: str, ascii_only: bool) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    text = json.dumps({value: value}, ensure_ascii=ascii_only).encode()
    shredder = shredded(text)
    (name,) = [each for each in shredder.columns if each.kind.name == "string"]
    assert shredder.path(name) == ([value], False)
    assert sorted_column(shredder, name).text == value.encode()[:32]
    assert shredder.unindexed.tolist() == []


@pytest.mark.parametrize(
    "text",
    [
        b"{", b"[]", b"1", b'{"a"}', b'{"a":}', b'{"a":1,}', b'{"a":01x}', b'{"a":"', b'{"a":"\\u12"}',
        b'{"a":"\\ud800"}', b'{"a":"\\ud800\\u0041"}', b'{"a":"\\x"}', b'{"a":tru}', b'{"a":1}{}',
        b'{"a":"\n"}', b'{"a":1,"a":1}', b'{"a":' + b"[" * 100_000, b'{"a":-}', b'{"a":1.}', b'{"a":1e}',
        b"\x00", b'{"b":[1,]}',
    ],
)  # fmt: skip
def test_what_is_no_json_makes_the_row_odd_and_harms_nothing(text: bytes) -> None:
    shredder = shredded(b'{"a":1}', text, b'{"a":2}')
    assert shredder.unindexed.tolist() == [1]
    assert set(column(shredder, "number").numbers.tolist()) >= {1.0, 2.0}


@given(st.binary(max_size=60))
def test_no_bytes_harm_the_scanner(text: bytes) -> None:
    assert set(shredded(text, b'{"a":' + text + b"}").unindexed.tolist()) <= {0, 1}


def random_time(random: Random) -> str:
    day = f"{random.randrange(10000):04d}-{random.randrange(14):02d}-{random.randrange(33):02d}"
    clock = f"{random.randrange(25):02d}:{random.randrange(61):02d}:{random.choice([0, 7, 59, 60, 61]):02d}"
    zone = random.choice(["Z", "z", "+00:00", "-23:59", "+05:30", "+24:00", "", "+0530"])
    fraction = random.choice(["", ".5", ".123456789", ".000", "."])
    return random.choice(["", "", "", day]) or day + random.choice("Tt ") + clock + fraction + zone


def test_instants_are_those_of_the_filters() -> None:
    random = Random(5)
    texts = [random_time(random) for _ in range(20_000)]
    texts += [
        "2016-12-31T23:59:60Z",
        "2017-01-01T05:29:60.5+05:30",
        "0000-02-29T00:00:00Z",
        "9999-12-31T23:59:59Z",
        *(
            "2026-01-01",
            "0000-02-29",
            "0001-01-01",
            "9999-12-31",
            "2016-12-31T23:59:60",
            "2026-01-01T00:00:00",
        ),
        *(
            "2026-01-01T00:00:00\0",
            "2026-01-01\0",
            "2026-01-01T00:00:00.5",
            "2026-01-01T",
            "2026-01-01T00:00:00.",
        ),
    ]
    valid = 0
    for text in texts:
        expected = instant(text)
        found = core.moment_of(text)
        assert (found is None) == (expected is None), text
        if found is None or expected is None:
            continue
        has_offset = len(text) > 10 and (text[-1] in "Zz" or text[-6] in "+-")
        assert found == (float(expected[0]), has_offset, expected[1:] == (0, "")), text
        valid += 1
    assert valid > 2_000


def written(folder: Path, rows: int = 300) -> str:
    texts = [json.dumps({"n": n % 9, "t": f"text {n}", "l": [n % 3]}).encode() for n in range(rows)]
    write_payloads(FILES, str(folder / "p"), IDENTITY, 1, texts)
    payloads = PayloadFile(FILES, str(folder / "p"), IDENTITY, 1, rows)
    write_fields(FILES, str(folder / "f"), IDENTITY, 1, rows, payloads, MIB)
    return str(folder / "f")


def test_every_damaged_byte_is_found(tmp_path: Path) -> None:
    path = Path(written(tmp_path))
    intact = path.read_bytes()
    unnoticed = []
    for place in range(0, len(intact), 7):
        damaged = bytearray(intact)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        try:
            Fields(FILES, str(path), IDENTITY, 1, 300)
        except (CorruptionError, UnsupportedVersion):
            continue
        unnoticed.append(intact[place])
    assert not any(unnoticed), "only the zeros between sections may be anything"
    path.write_bytes(intact)
    Fields(FILES, str(path), IDENTITY, 1, 300)


def test_columns_that_know_of_no_dates_do_not_differ_for_that(tmp_path: Path) -> None:
    texts = [json.dumps({"t": each}).encode() for each in ("2026-01-01", "2026-01-01T00:00:00Z", "x")]
    write_payloads(FILES, str(tmp_path / "p"), IDENTITY, 1, texts)
    payloads = PayloadFile(FILES, str(tmp_path / "p"), IDENTITY, 1, len(texts))
    for name in ("new", "old"):
        write_fields(FILES, str(tmp_path / name), IDENTITY, 1, len(texts), payloads, MIB)
    assert forget_dates(tmp_path / "old") == 1
    new, old = (Fields(FILES, str(tmp_path / name), IDENTITY, 1, len(texts)) for name in ("new", "old"))
    assert (new.has_dates, old.has_dates) == (True, False)
    assert old.differing(new) == new.differing(old) == []


def test_whole_keys_are_kept_up_to_a_bound_and_cut_ones_are_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 3_000
    kinds = {"n": "number", "s": "string", "some": "string", "long": "string"}
    texts = [
        json.dumps(
            {
                "n": row,
                "s": f"text {row}",
                "some": f"{'x' * 40 if row % 9 == 0 else ''}{row}",  # one in nine is cut
                "long": f"{row}{'x' * (40 if row % 7 == 0 else 0)}",  # one in seven
            }
        ).encode()
        for row in range(rows)
    ]
    write_payloads(FILES, str(tmp_path / "p"), IDENTITY, 1, texts)
    payloads = PayloadFile(FILES, str(tmp_path / "p"), IDENTITY, 1, rows)

    def exact(name: str, **options: int) -> set[str]:
        write_fields(FILES, str(tmp_path / name), IDENTITY, 1, rows, payloads, MIB, **options)
        fields = Fields(FILES, str(tmp_path / name), IDENTITY, 1, rows)
        found = {path: fields.column((path,), kind) for path, kind in kinds.items()}
        return {path for path, column in found.items() if column is not None and column.is_exact}

    assert exact("today") == {"n", "s", "some"}
    assert exact("old", whole_max=0) == set()
    monkeypatch.setattr(column_file, "WHOLE_KEYS_MAX", rows - 1)
    assert exact("fewer") == {"some"}  # those that are cut have one key
    assert [
        Fields(FILES, str(tmp_path / name), IDENTITY, 1, rows).whole_keys for name in ("today", "old")
    ] == [
        1 << 16,
        0,
    ]


def test_another_segments_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    for identity, number, rows in ((b"x" * 16, 1, 300), (IDENTITY, 2, 300), (IDENTITY, 1, 299)):
        with pytest.raises(CorruptionError, match="another segment"):
            Fields(FILES, path, identity, number, rows)
