"""Commands for one collection of a store, and backups of all of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import msgspec
import pytest
from click.testing import CliRunner, Result

from asteroid_cloud.api.cli.main import main
from asteroid_cloud.api.service.collections import AskedDefinition, open_collections
from asteroid_cloud.indexer import EngineOptions, read_backup
from asteroid_cloud.indexer.catalog import read_catalog, write_catalog
from asteroid_cloud.indexer.catalog.catalog_file import MAGIC, VERSION
from asteroid_cloud.indexer.checkpoint.manifest import checked_file
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk import StoreLayout
from tests.support.engines import contents, u64, vectors

pytestmark = pytest.mark.anyio
NAMES = ("books", "films")


def run(*arguments: str | Path, status: int = 0) -> Result:
    """A command that ends with this status."""
    found = CliRunner().invoke(main, [str(each) for each in arguments])
    assert found.exit_code == status, found.output
    return found


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A closed store: 1 row in ``default``, 2 in books, 3 in films, and an alias."""
    path = tmp_path / "data"

    async def fill() -> None:
        async with open_collections(str(path), EngineOptions(keep_log=True)) as all_:
            await all_.default.engine.ready()
            for rows, name in enumerate(("default", *NAMES), 1):
                await all_.create(name, AskedDefinition(dim=4))
                async with all_.use(name) as collection:
                    await collection.engine.upsert(u64(*range(rows)), vectors(rows, 4), None)
                    for extra in range(rows):
                        await collection.engine.upsert(u64(0), vectors(1, 4, seed=extra), None)
                    await collection.engine.flush()
            await all_.set_alias("b", "books")

    anyio.run(fill)
    return path


def rows_of(path: Path) -> dict[str, int]:
    """How many rows each collection of a store has, and each alias."""

    async def look() -> dict[str, int]:
        async with open_collections(str(path)) as all_:
            await all_.default.engine.ready()
            found = {}
            for name in [*(info.name for info in await all_.infos()), *all_.aliases]:
                async with all_.use(name) as collection:
                    found[name] = len(contents(collection.engine))
            return found

    return anyio.run(look)


ALL = {"default": 1, "books": 2, "films": 3, "b": 2}


def folder_of(store: Path, name: str) -> Path:
    """Where a collection lies."""
    folders = (store / "collections").iterdir()
    [found] = [path for path in folders if f'"{name}"'.encode() in (path / "collection").read_bytes()]
    return found


def damage_graph(store: Path, name: str) -> None:
    """Flips a bit in a segment of a collection."""
    graph = next((folder_of(store, name) / "index").glob("*.graph"))
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)


def verified(store: Path, status: int) -> Any:
    """What verify finds; a person is given the same status."""
    run("verify", "--data", store, status=status)
    report = json.loads(run("verify", "--data", store, "--json", status=status).stdout)
    assert report["ok"] == (status == 0)
    return report


@pytest.mark.parametrize("command", ["ls", "verify", "stats", "dump"])
def test_the_log_of_one_collection_is_looked_at(store: Path, command: str) -> None:
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    outputs = {name: run("wal", command, "--data", store, "--collection", name).output for name in NAMES}
    assert len(set(outputs.values())) == 2
    assert run("wal", command, "--data", store, "--collection", "b").output == outputs["books"]
    of_default = run("wal", command, "--data", store).output
    assert run("wal", command, "--data", store, "--collection", "default").output == of_default
    assert before == {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "command",
    [["wal", "ls"], ["wal", "repair"], ["wal", "replay"], ["recovery"], ["recovery", "--acknowledge"]],
)
def test_a_collection_that_is_not_there_is_said(store: Path, command: list[str]) -> None:
    assert "no_collection" in run(*command, "--data", store, "--collection", "songs", status=1).output


def test_one_collection_is_replayed_repaired_and_exported(store: Path, tmp_path: Path) -> None:
    for name in NAMES:
        where = ("--data", store, "--collection", name)
        run("wal", "repair", *where, "--apply")
        run("recovery", *where)
        run("wal", "export", tmp_path / f"{name}.log", *where)
    assert rows_of(store) == ALL


def test_verify_checks_all_collections_and_names_the_one_that_is_damaged(store: Path) -> None:
    report = json.loads(run("verify", "--data", store, "--json").output)
    assert (report["ok"], report["store"]["vectors"]) == (True, 1)
    found = {name: each["store"]["vectors"] for name, each in report["collections"].items()}
    assert found == {"books": 2, "films": 3}
    damage_graph(store, "films")
    report = json.loads(run("verify", "--data", store, "--json", status=1).output)
    assert {name: each["ok"] for name, each in report["collections"].items()} == {
        "books": True,
        "films": False,
    }
    run("verify", "--data", store, "--collection", "b")
    run("verify", "--data", store, "--collection", "films", status=1)
    run("verify", "--data", store, "--collection", "songs", status=2)


def test_a_damaged_catalog_is_a_finding_and_all_collections_are_checked(store: Path) -> None:
    (store / "catalog").write_bytes(b"?")
    report = verified(store, 1)
    assert [finding["place"] for finding in report["catalog"]["findings"]] == [str(store / "catalog")]
    assert {name: each["ok"] for name, each in report["collections"].items()} == {
        "books": True,
        "films": True,
    }
    assert report["store"]["findings"] == []
    (store / "catalog").unlink()
    assert "missing" in verified(store, 1)["catalog"]["findings"][0]["problem"]
    assert "corruption" in run("verify", "--data", store, "--collection", "b", status=2).output, "an alias"
    run("verify", "--data", store, "--collection", "default", status=1)


def test_the_catalog_of_a_newer_program_makes_verify_impossible(store: Path) -> None:
    catalog = store / "catalog"
    body = msgspec.msgpack.encode({"collections": [], "aliases": [], "features": ["of tomorrow"]})
    catalog.write_bytes(checked_file(MAGIC, body, VERSION))
    assert verified(store, 2)["error"]["code"] == "unsupported_version"


def test_a_collection_that_cannot_be_checked_leaves_the_others_checked(store: Path) -> None:
    ready = folder_of(store, "books") / "restored"
    ready.mkdir()
    (ready / "READY").write_bytes(b"1")
    report = verified(store, 2)
    assert report["collections"]["books"]["error"]["code"] == "interrupted"
    assert report["collections"]["films"]["ok"]
    assert report["store"]["findings"] == []
    damage_graph(store, "films")
    assert verified(store, 1)["collections"]["books"]["error"]["code"] == "interrupted", "damage counts more"


def test_what_is_interrupted_in_default_leaves_the_others_checked(store: Path) -> None:
    (store / "restored").mkdir()
    (store / "restored" / "READY").write_bytes(b"1")
    report = verified(store, 2)
    assert report["error"]["code"] == "interrupted"
    assert [each["ok"] for each in report["collections"].values()] == [True, True]


def test_verify_finds_folders_and_markers_that_do_not_fit_the_catalog(store: Path) -> None:
    books, films = folder_of(store, "books"), folder_of(store, "films")
    stranger = store / "collections" / ("0" * 16)
    shutil.copytree(books, stranger)
    half = store / "collections" / ("1" * 16)
    half.mkdir()
    (half / "INCOMPLETE").write_bytes(b"")
    told = verified(store, 1)["catalog"]
    assert [finding["place"] for finding in told["findings"]] == [str(stranger)]
    assert [note.split()[0] for note in told["notes"]] == [str(half)]
    shutil.rmtree(stranger)
    verified(store, 0)
    (films / "collection").unlink()
    assert verified(store, 1)["catalog"]["findings"][0]["place"] == str(films / "collection")
    shutil.copy(books / "collection", films)
    assert "that of the collection" in verified(store, 1)["catalog"]["findings"][0]["problem"]
    shutil.rmtree(films)
    report = verified(store, 1)
    assert "films has no folder" in report["catalog"]["findings"][0]["problem"]
    assert list(report["collections"]) == ["books"]


def test_verify_finds_an_index_that_is_not_that_of_the_catalog(store: Path) -> None:
    catalog = read_catalog(LocalFiles(), StoreLayout(str(store)))
    assert catalog is not None
    entry = catalog.entries["films"]
    other = msgspec.structs.replace(entry, dim=5)
    write_catalog(LocalFiles(), StoreLayout(str(store)), catalog.without("films").with_entry(other))
    found = verified(store, 1)["catalog"]["findings"]
    assert [finding["place"].rpartition("/")[2] for finding in found] == ["collection", "index"]
    assert all("dim 5" in finding["problem"] and "dim 4" in finding["problem"] for finding in found)


def test_an_empty_folder_of_a_collection_is_a_finding(store: Path) -> None:
    films = folder_of(store, "films")
    for part in ("wal", "index"):
        shutil.rmtree(films / part)
    assert not verified(store, 1)["collections"]["films"]["ok"]


def test_verify_of_a_backup_checks_its_catalog_and_the_lists_of_its_collections(
    store: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    run("backup", backup, "--data", store)
    verified(backup, 0)
    paths = [path for path in sorted(backup.rglob("*")) if path.is_file() and path.name != "LOCK"]
    assert len({path.name for path in paths} & {"catalog", "BACKUP.json"}) == 2
    for path in paths:
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        verified(backup, 1)
        path.unlink()
        if path != backup / "BACKUP.json":  # without it the folder is taken for a store
            verified(backup, 1)
        path.write_bytes(whole)
    verified(backup, 0)


async def test_verify_beside_a_server_that_makes_and_removes_collections(tmp_path: Path) -> None:
    done = False
    async with open_collections(str(tmp_path)) as all_:
        await all_.default.engine.ready()
        await all_.create("stays", AskedDefinition(dim=4))

        async def change() -> None:
            number = 0
            while not done:
                number += 1
                await all_.create(f"c{number}", AskedDefinition(dim=4))
                await all_.delete(f"c{number}")

        async with anyio.create_task_group() as group:
            group.start_soon(change)
            for _ in range(10):
                command = ["verify", "--data", str(tmp_path), "--json"]
                found = await anyio.to_thread.run_sync(CliRunner().invoke, main, command)
                report = json.loads(found.stdout)
                assert found.exit_code == 0, report
                assert report["collections"]["stays"]["store"]["is_in_use"]
            done = True


def test_a_mark_that_a_crash_left_hides_no_collection(store: Path, tmp_path: Path) -> None:
    for name in NAMES:
        (folder_of(store, name) / "INCOMPLETE").write_bytes(b"")
    verified(store, 0)
    run("backup", tmp_path / "all", "--data", store)
    run("backup", tmp_path / "one", "--data", store, "--collection", "b")
    run("restore", tmp_path / "all", "--into", tmp_path / "made")
    run("restore", store, "--collection", "films", "--into", tmp_path / "films", "--until-lsn", "4")
    run("wal", "repair", "--data", store, "--collection", "films", "--apply")
    assert rows_of(tmp_path / "made") == ALL
    assert rows_of(tmp_path / "films") == {"default": 3}
    assert rows_of(store) == ALL
    assert not list(store.rglob("INCOMPLETE"))


def test_a_backup_has_all_collections_and_restores_them(store: Path, tmp_path: Path) -> None:
    first, second, made = tmp_path / "first", tmp_path / "second", tmp_path / "made"
    run("backup", first, "--data", store)
    report = json.loads(run("backup", second, "--data", store, "--previous", first, "--json").output)
    assert report["linked_bytes"] > 0
    assert read_backup(LocalFiles(), str(second)).format == 3
    run("restore", second, "--check")
    run("verify", "--data", second)
    run("restore", second, "--into", made)
    assert (rows_of(made), rows_of(store)) == (ALL, ALL)


def test_a_backup_of_one_collection_restores_as_a_store_of_its_own(store: Path, tmp_path: Path) -> None:
    run("backup", tmp_path / "backup", "--data", store, "--collection", "b")
    run("restore", tmp_path / "backup", "--into", tmp_path / "made")
    assert rows_of(tmp_path / "made") == {"default": 2}


def test_one_collection_is_restored_from_a_backup_of_all(store: Path, tmp_path: Path) -> None:
    run("backup", tmp_path / "backup", "--data", store)
    run("restore", tmp_path / "backup", "--collection", "films", "--into", tmp_path / "made")
    assert rows_of(tmp_path / "made") == {"default": 3}


def test_a_collection_of_a_backup_is_added_to_a_store_under_a_free_name(store: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    run("backup", backup, "--data", store)
    run("restore", backup, "--collection", "films", "--into", store, "--as", "films-2")
    run("restore", backup, "--into", store, "--as", "copy")
    assert rows_of(store) == ALL | {"films-2": 3, "copy": 1}
    verified(store, 0)
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    for name, code in (("books", "name_taken"), ("b", "name_taken"), ("B", "bad_collection_name")):
        command = ("restore", backup, "--collection", "films", "--into", store, "--as", name)
        assert code in run(*command, status=1).output
    damaged = next((backup / "collections").glob("*/index/*.graph"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    for name in NAMES:
        CliRunner().invoke(
            main, ["restore", str(backup), "--collection", name, "--into", str(store), "--as", f"new-{name}"]
        )
    added = rows_of(store).keys() - ALL.keys() - {"films-2", "copy"}
    assert len(added) == 1, "one of the two is damaged"
    assert all(path.read_bytes() == data for path, data in before.items() if path.name == "collection")
    run("restore", store, "--into", store, "--as", "x", status=2)


def test_one_collection_goes_back_in_place_and_the_others_stay(store: Path) -> None:
    run("restore", store, "--collection", "films", "--in-place", "--until-lsn", "1")
    assert rows_of(store) == ALL | {"films": 0}
    run("restore", store, "--collection", "films", "--undo")
    assert rows_of(store) == ALL


@pytest.mark.parametrize(
    "asked",
    [["--in-place"], ["--undo"], ["--into", "MADE"], ["--into", "MADE", "--until-lsn", "1"]],
    ids=" ".join,
)
def test_what_is_of_one_collection_wants_its_name_where_there_are_several(
    store: Path, tmp_path: Path, asked: list[str]
) -> None:
    given = [str(tmp_path / "made") if each == "MADE" else each for each in asked]
    told = run("restore", store, *given, status=2)
    assert "name it with --collection" in told.stderr
    assert not (tmp_path / "made").exists()
    assert rows_of(store) == ALL


def test_default_is_restored_to_a_point_by_its_name(store: Path, tmp_path: Path) -> None:
    run("restore", store, "--collection", "default", "--into", tmp_path / "made", "--until-lsn", "1")
    assert rows_of(tmp_path / "made") == {"default": 0}
    assert rows_of(store) == ALL


@pytest.mark.parametrize("missing", [False, True])
def test_damage_to_one_file_of_a_backup_is_found(store: Path, tmp_path: Path, missing: bool) -> None:
    backup = tmp_path / "backup"
    run("backup", backup, "--data", store)
    for path in sorted(path for path in backup.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        if missing and path == backup / "BACKUP.json":
            continue  # without it the folder is no backup
        if missing:
            path.unlink()
        else:
            path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        run("restore", backup, "--check", status=1)
        run("restore", backup, "--into", tmp_path / "made", status=1)
        assert not (tmp_path / "made").exists()
        path.write_bytes(whole)
    run("restore", backup, "--check")


def test_a_store_without_collections_is_backed_up_as_before(tmp_path: Path) -> None:
    async def fill() -> None:
        async with open_collections(str(tmp_path / "data")) as all_:
            await all_.default.engine.ready()
            await all_.create("default", AskedDefinition(dim=4))

    anyio.run(fill)
    run("backup", tmp_path / "backup", "--data", tmp_path / "data")
    assert read_backup(LocalFiles(), str(tmp_path / "backup")).format == 2


def test_a_damaged_catalog_is_rebuilt_and_kept(store: Path) -> None:
    (store / "catalog").write_bytes(b"?")
    report = json.loads(run("recovery", "--data", store, "--rebuild-catalog", "--json").output)
    assert (report["collections"], report["kept"]) == (["books", "films"], "catalog.broken")
    assert rows_of(store) == {"default": 1, "books": 2, "films": 3}
    assert "catalog_whole" in run("recovery", "--data", store, "--rebuild-catalog", status=1).output
