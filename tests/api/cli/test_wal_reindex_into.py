"""``asteroid wal replay --into``: a store as it was, made of the log of one that is in use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asteroid_cloud.api.cli.main import main
from asteroid_cloud.client import Client
from asteroid_cloud.wal.format.log_file import FileHeader, decode_file_header, encode_file_header
from asteroid_cloud.wal.lsn import Lsn
from ops.forked_server import ForkedServer


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a store that a server has open: record 2 inserts three, 3 moves one, 4 deletes one."""
    folder = tmp_path_factory.mktemp("running") / "data"
    with ForkedServer(folder, "--dim", "2", "--keep-log") as server, Client(base_url=server.url) as client:
        client.insert_batch([(id, [float(id), 0.0], {"id": id}) for id in range(3)])
        client.upsert(1, [7.0, 7.0])
        client.delete(2)
        yield folder
        assert client.ready()


def call(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, ["wal", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def found(folder: Path) -> dict[int, tuple[float, ...]]:
    with ForkedServer(folder) as server, Client(base_url=server.url) as client:
        return {hit.id: tuple(client.get(hit.id).vector) for hit in client.search([0.0, 0.0], k=10)}


def held(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_store_up_to_a_record(running: Path, tmp_path: Path) -> None:
    before = held(running)
    for lsn, ids in ((2, {0, 1, 2}), (3, {0, 1, 2}), (4, {0, 1})):
        into = tmp_path / str(lsn)
        made = call("replay", "--data", running, "--into", into, "--until-lsn", str(lsn), "--json")
        assert made.exit_code == 0, made.output
        report = json.loads(made.stdout)
        assert (report["to_lsn"], report["vectors"]) == (lsn, len(ids))
        assert report["digest"] == report["live_digest"]
        vectors = found(into)
        assert set(vectors) == ids
        assert vectors[1] == pytest.approx((1.0, 0.0) if lsn == 2 else (7.0, 7.0), abs=0.1)
    assert held(running) == before


def test_a_new_store_up_to_a_moment_or_of_everything(running: Path, tmp_path: Path) -> None:
    records = [json.loads(line) for line in call("dump", "--data", running).stdout.splitlines()]
    moment = records[2]["time"]
    last = max(record["lsn"] for record in records if record["time"] <= moment)
    for into, options, lsn in (
        (tmp_path / "then", ["--until-time", moment], last),
        (tmp_path / "now", [], 4),
    ):
        made = call("replay", "--data", running, "--into", into, *options)
        assert made.exit_code == 0, made.output
        assert f"as record {lsn} left them" in made.stdout
        assert call("verify", "--data", into).exit_code == 0


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--into", "new", "--apply"], 2, "--apply and --into"),
        (["--until-lsn", "3"], 2, "--until-lsn goes with --into"),
        (["--until-time", "2026-01-01"], 2, "--until-time goes with --into"),
        (
            ["--into", "new", "--until-lsn", "3", "--until-time", "2026-01-01"],
            2,
            "--until-lsn and --until-time",
        ),
        (["--into", "new", "--until-time", "2026-01-01"], 2, "bad_point"),
        (["--into", "new", "--until-lsn", "99"], 2, "ends with record 4"),
        (["--into", "full"], 2, "not_empty"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_leaves_no_store(
    running: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    status: int,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    result = call("replay", "--data", running, *options)
    assert result.exit_code == status
    assert words in " ".join(result.stderr.replace("│", "").split())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "full" / "mine"]


def test_a_log_that_does_not_reach_back_is_refused(running: Path, tmp_path: Path) -> None:
    oldest = next((running / "wal").glob("*.wal"))
    (tmp_path / "late" / "wal").mkdir(parents=True)
    header = oldest.read_bytes()
    identity = decode_file_header("", header).identity
    (tmp_path / "late" / "wal" / f"{9:020d}.wal").write_bytes(
        encode_file_header(FileHeader(identity, Lsn(9), 0))
    )
    result = call("replay", "--data", tmp_path / "late", "--into", tmp_path / "new")
    assert (result.exit_code, "begins with record 9" in result.stderr) == (2, True)
    assert not (tmp_path / "new").exists()
