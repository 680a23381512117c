"""The file of keys means one thing only: what is odd is refused by its line, and no key is shown (row 5)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asteroid_cloud.api.http.access.keys import raw_key
from asteroid_cloud.api.http.access.keys_file import read_keys, warn_of_readers
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.http.settings.sources import load_settings
from asteroid_cloud.api.limits import CONFIG_FILE_BYTES_MAX, KEY_CHARACTERS_MIN, KEYS_FILE_BYTES_MAX
from asteroid_cloud.wal.errors import InvalidRequest

KEY = "V3ryL0ngAndRandom"
OTHER = "An0therV3ryL0ngOne"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "keys"


def refusal(path: Path) -> str:
    """Why a file is refused; with nothing of a key in it."""
    with pytest.raises(InvalidRequest) as caught:
        read_keys(str(path))
    assert caught.value.code == "bad_settings"
    assert caught.value.message.startswith("api_keys: ")
    assert KEY[:8] not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        f"{KEY}\n{OTHER}\n",
        f"{KEY}\n{OTHER}",
        f"# ours\n\n{KEY}\n#theirs: a b\x0c\n{OTHER}\n\n",
    ],
)
def test_a_key_a_line_and_comments_that_begin_one(path: Path, text: str) -> None:
    path.write_bytes(text.encode())
    assert read_keys(str(path)) == [raw_key(KEY), raw_key(OTHER)]


def test_a_number_sign_inside_is_part_of_the_key(path: Path) -> None:
    path.write_text(f"a#{KEY}\n")
    assert read_keys(str(path)) == [raw_key(f"a#{KEY}")], "and not a key of one letter"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{KEY}\r", "carriage return"),
        (f" {KEY}", "without spaces"),
        (f"{KEY} ", "without spaces"),
        (f"{KEY}\t", "printable"),
        (f"{KEY}\x0c{KEY}", "printable"),
        (f"{KEY}\x0b", "printable"),
        (f"{KEY}\x1c{KEY}", "printable"),
        (f"{KEY}\x85{KEY}", "printable"),
        (f"{KEY}\u2028{KEY}", "printable"),
        (f"\ufeff{KEY}", "printable"),
        (f"{KEY}é", "printable"),
        (f"{KEY} # of a friend", "a comment has a line of its own"),
        ("  # a comment", "does not begin at the start"),
        ("   ", "without spaces"),
        ("\0" * 20, "printable"),
        ("a#V3ryL0ng", f"at least {KEY_CHARACTERS_MIN} characters"),
        (KEY[: KEY_CHARACTERS_MIN - 1], f"at least {KEY_CHARACTERS_MIN} characters"),
    ],
)
def test_row_5_anything_else_is_refused_with_its_line(path: Path, line: str, reason: str) -> None:
    path.write_bytes(f"# ours\n{OTHER}\n{line}\n{OTHER}\n".encode())
    said = refusal(path)
    assert "line 3 " in said
    assert reason in said
    path.write_bytes(f"{OTHER}\n\n{line}".encode())
    assert "line 3 " in refusal(path), "the last line too, without an end"


def test_bytes_that_are_no_text_are_refused_with_their_line(path: Path) -> None:
    path.write_bytes(f"{OTHER}\n".encode() + b"\xff\xfe" * 20)
    assert "line 2 " in refusal(path)


def test_a_file_without_a_key_is_refused(path: Path) -> None:
    for text in ("", "\n\n", "# none yet\n"):
        path.write_text(text)
        assert "there is no key" in refusal(path)


def test_what_is_no_file_is_neither_read_nor_waited_for(path: Path) -> None:
    assert "No such file" in refusal(path)
    os.mkfifo(path)
    assert "a FIFO, not a regular file" in refusal(path)
    path.unlink()
    path.mkdir()
    assert "a folder, not a regular file" in refusal(path)
    path.rmdir()
    path.symlink_to("/dev/zero")
    assert "a device, not a regular file" in refusal(path)


def test_a_huge_file_is_not_read(path: Path) -> None:
    path.write_text(f"{KEY}\n")
    os.truncate(path, 1 << 40)
    assert f"more than {KEYS_FILE_BYTES_MAX:,} bytes" in refusal(path)


def test_a_secret_that_is_mounted_as_a_link_is_read(path: Path, tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "keys").write_text(KEY)
    path.symlink_to("..data/keys")
    assert read_keys(str(path)) == [raw_key(KEY)]


@pytest.mark.parametrize(("mode", "warns"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1), (0o644, 1)])
def test_a_file_that_others_may_read_is_warned_of(
    path: Path, mode: int, warns: int, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(KEY)
    path.chmod(mode)
    warn_of_readers(str(path))
    assert len(caplog.records) == warns
    assert all("chmod 600" in record.getMessage() for record in caplog.records)


def test_a_single_key_has_the_same_rules() -> None:
    assert Settings(data="x", api_key=KEY).keys() == [raw_key(KEY)]
    for bad in (KEY[:15], f"{KEY} {KEY}", f"{KEY}\n"):
        with pytest.raises(ValueError, match="api_key must") as caught:
            Settings(data="x", api_key=bad)
        assert KEY[:8] not in str(caught.value)


def test_the_file_of_settings_is_opened_alike(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(InvalidRequest, match="a FIFO, not a regular file"):
        load_settings({"data": "x"}, {}, str(path))
    path.unlink()
    path.write_text("port = 1\n")
    os.truncate(path, 1 << 40)
    with pytest.raises(InvalidRequest, match=f"more than {CONFIG_FILE_BYTES_MAX:,} bytes"):
        load_settings({"data": "x"}, {}, str(path))
