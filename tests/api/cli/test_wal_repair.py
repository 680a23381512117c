"""``asteroid wal repair`` on whole stores: what the checkpoint holds is not lost with the log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asteroid_cloud.api.cli.main import main
from asteroid_cloud.client import Client
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from ops.forked_server import ForkedServer


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of twelve vectors, one a record, the first eight or more of them in a checkpoint."""
    folder = tmp_path_factory.mktemp("filled") / "data"
    with ForkedServer(folder, "--dim", "2", "--seal-rows", "4", "--keep-log") as server:
        with Client(base_url=server.url) as client:
            for id in range(8):
                client.insert(id, [float(id), 0.0], {"id": id})
            while not any((folder / "index").glob("manifest-*")):  # the test's own timeout ends it otherwise
                client.health()
        assert server.stop() == 0
    with ForkedServer(folder, "--keep-log") as server, Client(base_url=server.url) as client:
        for id in range(8, 12):
            client.insert(id, [float(id), 0.0], {"id": id})
        server.kill()
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    """A store of the test's own."""
    return Path(shutil.copytree(filled, tmp_path / "data"))


def call(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, ["wal", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def held(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "LOCK"
    }


def flip(folder: Path, part: float) -> None:
    log = sorted((folder / "wal").glob("*.wal"))[0]
    data = bytearray(log.read_bytes())
    data[int(len(data) * part)] ^= 0x10
    log.write_bytes(data)


def tear(folder: Path) -> None:
    log = sorted((folder / "wal").glob("*.wal"))[-1]
    log.write_bytes(log.read_bytes()[:-5])


def recovery(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["recovery", "--data", str(folder), *options])


def vectors(folder: Path) -> set[int]:
    with ForkedServer(folder) as server, Client(base_url=server.url) as client:
        return {hit.id for hit in client.search([0.0, 0.0], k=100)}


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_flip_is_looked_at_without_a_trace_then_repaired_once(folder: Path, part: float) -> None:
    flip(folder, part)
    before = held(folder)
    looked = call("repair", "--data", folder, "--json")
    assert (looked.exit_code, held(folder)) == (1, before)
    plan = json.loads(looked.stdout)["plan"]
    text = call("repair", "--data", folder)
    assert (text.exit_code, held(folder)) == (1, before)
    assert "nothing was changed; --apply does this" in text.stdout
    applied = call("repair", "--data", folder, "--apply")
    assert applied.exit_code == 0, applied.output
    after = held(folder)
    assert all(before[path] == data for path, data in after.items() if path in before and "/index/" in path)
    for arguments in (["repair"], ["repair", "--apply"], ["verify"]):
        again = call(*arguments, "--data", folder)
        assert (again.exit_code, held(folder)) == (0, after)
    lost = plan["lost"]
    told = recovery(folder)
    assert told.exit_code == (0 if lost is None else 1), told.output
    assert ("the loss is recorded" in applied.stdout) == (lost is not None)
    if lost is not None:
        assert f"lost: records {lost['first']} to {lost['last']}" in told.stdout
        assert CliRunner().invoke(main, ["verify", "--data", str(folder)]).exit_code == 1
        assert recovery(folder, "--acknowledge").exit_code == 0
    ids = vectors(folder)
    assert part == 0.5 or (lost is None) == (part == 0.1)
    assert ids == set(range(12 if lost is None else lost["first"] - 2))
    assert len(ids) >= 8 or plan["checkpoint_lsn"] < 9


@pytest.mark.parametrize(("harm", "words"), [(tear, "torn tail"), (lambda folder: None, "nothing to repair")])
def test_what_a_start_deals_with_is_left_to_it(
    folder: Path, harm: Callable[[Path], None], words: str
) -> None:
    harm(folder)
    before = held(folder)
    for arguments in ([], ["--apply"]):
        result = call("repair", "--data", folder, *arguments)
        assert (result.exit_code, held(folder)) == (0, before)
        assert words in result.stdout
        assert "nothing to repair" in result.stdout


def test_a_running_server_is_looked_at_but_not_repaired(folder: Path) -> None:
    with ForkedServer(folder) as server, Client(base_url=server.url) as client:
        assert call("repair", "--data", folder).exit_code == 0
        refused = call("repair", "--data", folder, "--apply")
        assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
        while not client.ready():  # the test's own timeout ends it otherwise
            pass
        assert call("repair", "--data", folder).exit_code == 0
        assert len(client.search([0.0, 0.0], k=100)) == 12


def spoil_index(folder: Path) -> None:
    for path in (folder / "index").iterdir():
        path.write_bytes(path.read_bytes()[:-1])


def test_where_nothing_can_be_saved_nothing_is_changed(folder: Path, tmp_path: Path) -> None:
    assert "there is no store" in call("repair", "--data", tmp_path / "nowhere").stderr
    spoil_index(folder)
    log = next((folder / "wal").glob("*.wal"))
    data = bytearray(log.read_bytes())
    data[FILE_HEADER_BYTES + 45] ^= 1  # in the first frame
    log.write_bytes(data)
    before = held(folder)
    result = call("repair", "--data", folder, "--apply")
    assert (result.exit_code, result.stderr.count("\n"), held(folder)) == (1, 1, before)
    assert "record 1 is not whole: nothing can be kept" in result.stderr


def test_log_and_index_damaged_together_are_mended_one_after_the_other(folder: Path) -> None:
    spoil_index(folder)
    flip(folder, 0.9)
    applied = call("repair", "--data", folder, "--apply", "--json")
    assert applied.exit_code == 0, applied.output
    report = json.loads(applied.stdout)
    assert (report["index_error"] is None, report["plan"]["first_lsn"]) == (False, 1)
    assert call("replay", "--data", folder, "--apply").exit_code == 0
    assert recovery(folder, "--acknowledge").exit_code == 0
    assert vectors(folder) == set(range(report["plan"]["last_lsn"] - 1))
