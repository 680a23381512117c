"""The list of a backup: every bit of it counts; lists of 0.1.0 are read, those of newer programs refused."""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path

import msgspec
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions, restore_backup
from asteroid_cloud.indexer.backup.file_list import (
    WHOLE_FORMAT,
    BackupList,
    ListedFile,
    read_backup,
    write_list,
)
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk import StoreLayout
from asteroid_cloud.wal.disk.layout import BACKUP_LIST
from asteroid_cloud.wal.errors import CorruptionError, UnsupportedVersion
from asteroid_cloud.wal.lsn import Lsn
from tests.support.engines import contents, opened
from tests.support.store_image import image_of

FILES = LocalFiles()
OF_0_1 = Path(__file__).parents[2] / "fixtures" / "store-0.1.0"
LISTED = [ListedFile("index/manifest-000000000001", 7, 8), ListedFile("wal/00000000000000000001.wal", 9, 10)]
MADE = BackupList.of(bytes(16), 12, 13, LISTED)


def of_0_1(folder: Path, *names: str) -> Path:
    """A backup as version 0.1.0 made it, of the store that it wrote."""
    listed = []
    for name in names:
        (folder / name).mkdir(parents=True)
        for path in sorted((OF_0_1 / name).iterdir()):
            data = Path(shutil.copy(path, folder / name)).read_bytes()
            listed.append({"path": f"{name}/{path.name}", "bytes": len(data), "crc32": zlib.crc32(data)})
    made = {"format": 1, "identity": "00" * 16, "lsn": 9, "made_ms": 1, "files": listed}
    (folder / BACKUP_LIST).write_text(json.dumps(made, indent=2))
    return folder


@pytest.mark.anyio
async def test_a_backup_of_0_1_is_restored(tmp_path: Path) -> None:
    backup = of_0_1(tmp_path / "backup", "wal", "index")
    restore_backup(FILES, str(backup), str(tmp_path / "store"))
    async with Engine.open(str(tmp_path / "store"), EngineOptions(keep_log=True)) as engine:
        await engine.ready()
        found = dict(contents(engine))
        assert await engine.tags() == []
    shutil.copytree(OF_0_1, tmp_path / "itself")
    async with opened(tmp_path / "itself", EngineOptions(keep_log=True)) as engine:
        assert dict(contents(engine)) == found


def test_a_list_of_0_1_with_tags_is_none_that_it_wrote(tmp_path: Path) -> None:
    with pytest.raises(CorruptionError, match="no store has"):
        read_backup(FILES, str(of_0_1(tmp_path / "backup", "wal", "index", "tags")))


def test_every_bit_counts(tmp_path: Path) -> None:
    write_list(FILES, StoreLayout(str(tmp_path)).collection(), MADE)
    assert read_backup(FILES, str(tmp_path)) == MADE
    path = tmp_path / BACKUP_LIST
    whole = path.read_bytes()
    for at in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[at] ^= 1 << bit
            path.write_bytes(changed)
            try:
                found = read_backup(FILES, str(tmp_path))
            except (CorruptionError, UnsupportedVersion):
                continue
            assert found == MADE, f"bit {bit} of byte {at}"


def test_a_list_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    newer = msgspec.structs.replace(MADE, format=WHOLE_FORMAT + 1)
    write_list(FILES, StoreLayout(str(tmp_path)).collection(), newer)
    before = image_of(tmp_path)
    with pytest.raises(UnsupportedVersion, match=f"has format {WHOLE_FORMAT + 1}"):
        restore_backup(FILES, str(tmp_path), str(tmp_path / "never"))
    assert image_of(tmp_path) == before


@pytest.mark.parametrize("path", ["catalog", f"collections/{'a' * 16}/BACKUP.json"])
def test_only_the_backup_of_a_whole_store_names_its_collections(path: str, tmp_path: Path) -> None:
    made = BackupList.of(bytes(16), Lsn(1), 1, [ListedFile(path, 1, 0)], WHOLE_FORMAT)
    write_list(FILES, StoreLayout(str(tmp_path)).collection(), made)
    assert read_backup(FILES, str(tmp_path)) == made
    made = BackupList.of(bytes(16), Lsn(1), 1, [ListedFile(path, 1, 0)])
    write_list(FILES, StoreLayout(str(tmp_path)).collection(), made)
    with pytest.raises(CorruptionError, match="no store has"):
        read_backup(FILES, str(tmp_path))


@pytest.mark.parametrize(
    "path", ["collections/../../x/BACKUP.json", "collections/a/BACKUP.json", "catalog/x"]
)
def test_a_backup_of_a_whole_store_names_nothing_else(path: str, tmp_path: Path) -> None:
    made = BackupList.of(bytes(16), Lsn(1), 1, [ListedFile(path, 1, 0)], WHOLE_FORMAT)
    write_list(FILES, StoreLayout(str(tmp_path)).collection(), made)
    with pytest.raises(CorruptionError, match="no store has"):
        read_backup(FILES, str(tmp_path))


@pytest.mark.parametrize("path", ["lost.json", "tags/x", "index/x", "wal/x"])
def test_what_a_backup_may_hold(path: str, tmp_path: Path) -> None:
    made = BackupList.of(bytes(16), Lsn(1), 1, [ListedFile(path, 1, 0)])
    write_list(FILES, StoreLayout(str(tmp_path)).collection(), made)
    assert read_backup(FILES, str(tmp_path)) == made


@pytest.mark.parametrize("path", ["../x", "LOCK", "tags/.x", "tags/a/b", "BACKUP.json", "lost.json/x", ""])
def test_what_it_may_not(path: str, tmp_path: Path) -> None:
    made = BackupList.of(bytes(16), Lsn(1), 1, [ListedFile(path, 1, 0)])
    write_list(FILES, StoreLayout(str(tmp_path)).collection(), made)
    with pytest.raises(CorruptionError, match="no store has"):
        read_backup(FILES, str(tmp_path))
