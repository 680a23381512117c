"""Lines of the keys file that name a key: made, listed, revoked, and never half understood."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asteroid_cloud.api.cli.main import main
from asteroid_cloud.api.http.access.keys import Key, KeyRing, raw_key
from asteroid_cloud.api.http.access.keys_file import named_line, parsed_keys, read_keys
from asteroid_cloud.api.limits import KEYS_FILE_BYTES_MAX
from asteroid_cloud.api.service.access.grants import Grant
from asteroid_cloud.wal.errors import InvalidRequest

DIGEST = sha256(b"a key of the test").hexdigest()
RAW = "V3ryL0ngAndRandom"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "keys"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["keys", *arguments])


@pytest.mark.parametrize(
    ("line", "grant"),
    [
        (f"ci:read sha256:{DIGEST}", Grant("ci", "read")),
        (f"a.b_c-9:write sha256:{DIGEST}", Grant("a.b_c-9", "write")),
        (f"x:admin:books sha256:{DIGEST}", Grant("x", "admin", ("books",))),
        (f"x:read:a,b-c,9_ sha256:{DIGEST.upper()}", Grant("x", "read", ("a", "b-c", "9_"))),
    ],
)
def test_a_line_says_name_role_and_collections(line: str, grant: Grant) -> None:
    (key,) = parsed_keys(line.encode())
    assert key == Key(bytes.fromhex(DIGEST), grant)
    assert parsed_keys(named_line(key).encode()) == [key]


def test_any_other_line_is_a_raw_key() -> None:
    for text in (f"ci:read:{RAW}", f"sha256:{DIGEST}", f"a:admin,sha256:{DIGEST}"):
        assert parsed_keys(text.encode()) == [raw_key(text)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"ci sha256:{DIGEST}", "NAME:ROLE"),
        (f" sha256:{DIGEST}", "NAME:ROLE"),
        (f"a:read:b:c sha256:{DIGEST}", "NAME:ROLE"),
        (f":read sha256:{DIGEST}", "needs a name"),
        (f"a b:read sha256:{DIGEST}", "needs a name"),
        (f"{'n' * 65}:read sha256:{DIGEST}", "needs a name"),
        (f"ci:reader sha256:{DIGEST}", "roles read, write, admin"),
        (f"ci:Read sha256:{DIGEST}", "roles"),
        (f"ci: sha256:{DIGEST}", "roles"),
        (f"ci:read: sha256:{DIGEST}", "no such name"),
        (f"ci:read:a, sha256:{DIGEST}", "no such name"),
        (f"ci:read:A sha256:{DIGEST}", "no such name"),
        (f"ci:read:{'a' * 64} sha256:{DIGEST}", "no such name"),
        (f"ci:read sha256:{DIGEST[:-1]}", "64 hexadecimal digits"),
        (f"ci:read sha256:{DIGEST}0", "64 hexadecimal digits"),
        (f"ci:read sha256: {DIGEST}", "64 hexadecimal digits"),
        (f"ci:read sha256:{'g' * 64}", "64 hexadecimal digits"),
        (f"ci:read  sha256:{DIGEST}", "roles"),
        (f"ci:read sha256:{DIGEST} # of a friend", "64 hexadecimal digits"),
        (f"ci:read sha256:{DIGEST}\r", "carriage return"),
        (f"ci:read sha512:{DIGEST}", "without spaces"),
        (f"other:read sha256:{DIGEST}\nother:write sha256:{DIGEST[::-1]}", "line 3 has the name of line 2"),
        (f"one:read sha256:{DIGEST}\ntwo:admin sha256:{DIGEST}", "line 3 has the key of line 2"),
    ],
)
def test_what_is_nearly_right_is_refused_with_its_line_and_nothing_of_it(line: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=r"line [23] ") as caught:
        parsed_keys(f"{RAW}\n{line}\n".encode())
    assert reason in caught.value.message
    assert caught.value.code == "bad_settings"
    assert DIGEST[:12] not in caught.value.message


def test_a_raw_key_and_a_named_line_for_it_are_two_opinions() -> None:
    line = f"small:read sha256:{sha256(RAW.encode()).hexdigest()}"
    for text in (f"{RAW}\n{line}", f"{line}\n{RAW}"):
        with pytest.raises(InvalidRequest, match="line 2 has the key of line 1"):
            parsed_keys(text.encode())
    assert len(parsed_keys(f"{RAW}\n{RAW}".encode())) == 2, "as before there were names"


def test_a_key_is_made_once_listed_and_revoked(path: Path) -> None:
    first = call("new", "reader", "--role", "read", "--collection", "books", "--collection", "films",
                 "--file", str(path))  # fmt: skip
    assert first.exit_code == 0, first.output
    made = first.output.strip()
    assert made not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    second = call("new", "boss", "--role", "admin", "--file", str(path)).output.strip()
    ring = KeyRing(read_keys(str(path)))
    found = ring.find(f"Bearer {made}".encode())
    assert found is not None
    assert found.grant == Grant("reader", "read", ("books", "films"))
    listed = call("list", "--file", str(path), "--json")
    assert json.loads(listed.output) == [
        {"line": 1, "name": "reader", "role": "read", "collections": ["books", "films"]},
        {"line": 2, "name": "boss", "role": "admin", "collections": None},
    ]
    assert "books, films" in call("list", "--file", str(path)).output
    assert call("revoke", "reader", "--file", str(path)).exit_code == 0
    ring = KeyRing(read_keys(str(path)))
    assert ring.find(f"Bearer {made}".encode()) is None
    assert ring.find(f"Bearer {second}".encode()) is not None


def test_other_lines_stay_as_they_are(path: Path) -> None:
    path.write_text(f"# ours\n\n{RAW}")
    path.chmod(0o640)
    assert call("new", "ci", "--role", "write", "--file", str(path)).exit_code == 0
    text = path.read_text()
    assert text.startswith(f"# ours\n\n{RAW}\nci:write sha256:")
    assert path.stat().st_mode & 0o777 == 0o640
    assert "a key without a name" in call("list", "--file", str(path)).output
    assert RAW not in call("list", "--file", str(path)).output
    assert call("revoke", "ci", "--file", str(path)).exit_code == 0
    assert path.read_text() == f"# ours\n\n{RAW}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("new", "ci", "--role", "read"), "key_exists"),
        (("new", "a b", "--role", "read"), "bad_settings"),
        (("new", "x", "--role", "read", "--collection", "A"), "bad_settings"),
        (("revoke", "none"), "no_key"),
        (("revoke", "ci"), "the only key"),
    ],
)
def test_what_cannot_be_done_changes_nothing(path: Path, arguments: tuple[str, ...], told: str) -> None:
    path.write_text(f"ci:read sha256:{DIGEST}\n")
    result = call(*arguments, "--file", str(path))
    assert result.exit_code == 1
    assert told in result.output
    assert path.read_text() == f"ci:read sha256:{DIGEST}\n"
    assert [each.name for each in path.parent.iterdir()] == ["keys"]


def test_a_file_that_is_not_right_is_not_made_worse(path: Path) -> None:
    path.write_text("short\n")
    assert call("new", "ci", "--role", "read", "--file", str(path)).exit_code == 1
    assert call("list", "--file", str(path)).exit_code == 1
    path.write_text(f"{RAW}\n" + "#" * (KEYS_FILE_BYTES_MAX - len(RAW) - 2) + "\n")
    assert call("new", "ci", "--role", "read", "--file", str(path)).exit_code == 1
    assert len(read_keys(str(path))) == 1


def test_two_commands_do_not_change_it_at_once(path: Path) -> None:
    path.write_text(f"{RAW}\n")
    (path.parent / "keys.changing").write_text("")
    result = call("new", "ci", "--role", "read", "--file", str(path))
    assert result.exit_code == 1
    assert "lock_held" in result.output
    assert path.read_text() == f"{RAW}\n"


def test_the_file_behind_a_link_is_changed(path: Path) -> None:
    (path.parent / "real").write_text(f"{RAW}\n")
    path.symlink_to("real")
    assert call("new", "ci", "--role", "read", "--file", str(path)).exit_code == 0
    assert path.is_symlink()
    assert len(read_keys(str(path))) == 2
