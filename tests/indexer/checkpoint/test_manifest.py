"""The manifest: the newest one counts, whole; a crash at any step leaves the old one or the new."""

from __future__ import annotations

import zlib

import msgspec
import pytest

from asteroid_cloud.indexer.checkpoint import manifest as manifests
from asteroid_cloud.indexer.checkpoint.manifest import (
    CHECKED,
    FEATURES_VERSION,
    HEADER,
    MAGIC,
    TEMPORARY,
    VERSION,
    Manifest,
    SegmentEntry,
    manifest_name,
    newest_manifest,
    read_manifest,
    write_manifest,
)
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.wal.errors import CorruptionError, StorageError, UnsupportedVersion
from tests.support.faulty_files import Fault, FaultyFiles, MemoryFiles

FOLDER = "data/index"
SPEC = IndexSpec(8, "cosine")


def manifest(number: int, *, spec: IndexSpec | None = SPEC) -> Manifest:
    entries = [SegmentEntry(7, 60, b"dead"), SegmentEntry(9, 2**31, b"")] if spec else []
    return Manifest(
        identity=bytes(range(16)),
        number=number,
        applied_lsn=42,
        spec=spec,
        next_segment=10,
        segments=entries,
        created_lsn=1,
    )


def folder() -> MemoryFiles:
    files = MemoryFiles()
    files.make_dirs(FOLDER)
    return files


@pytest.mark.parametrize("spec", [None, IndexSpec(4000, "l2")])
def test_it_comes_back_as_it_was(spec: IndexSpec | None) -> None:
    files = folder()
    assert newest_manifest(files, FOLDER) is None
    write_manifest(files, FOLDER, manifest(1, spec=spec))
    assert newest_manifest(files, FOLDER) == manifest(1, spec=spec)
    assert list(files.image()) == [f"{FOLDER}/{manifest_name(1)}"]


def test_the_highest_number_counts() -> None:
    files = folder()
    for number in (9, 10, 11):
        write_manifest(files, FOLDER, manifest(number))
    newest = newest_manifest(files, FOLDER)
    assert newest is not None
    assert newest.number == 11


def test_one_under_anothers_name_is_refused() -> None:
    """An old manifest put back by hand must not pass for the newest."""
    files = folder()
    write_manifest(files, FOLDER, manifest(5))
    files.rename(f"{FOLDER}/{manifest_name(5)}", f"{FOLDER}/{manifest_name(6)}")
    with pytest.raises(CorruptionError, match="manifest 5"):
        newest_manifest(files, FOLDER)


def test_a_file_cut_or_lengthened_is_refused() -> None:
    files = folder()
    write_manifest(files, FOLDER, manifest(1))
    path = f"{FOLDER}/{manifest_name(1)}"
    whole = bytes(files.contents[path])
    for length in range(len(whole)):
        files.contents[path] = bytearray(whole[:length])
        with pytest.raises(CorruptionError):
            read_manifest(files, path)
    files.contents[path] = bytearray(whole + b"\0")
    with pytest.raises(CorruptionError):
        read_manifest(files, path)


@pytest.mark.parametrize("body", [b"", b"\x81\xa1\xff\xc0", b"\x81\xa1x" + b"\x91" * 90_000 + b"\xc0"])
def test_one_that_does_not_decode_is_refused_though_its_checksum_fits(body: bytes) -> None:
    checked = CHECKED.pack(MAGIC, VERSION, len(body))
    path = f"{FOLDER}/{manifest_name(1)}"
    files = MemoryFiles({path: HEADER.pack(MAGIC, VERSION, len(body), zlib.crc32(checked + body)) + body})
    with pytest.raises(CorruptionError, match="does not decode"):
        read_manifest(files, path)


def test_a_newer_version_is_left_alone() -> None:
    files = folder()
    path = f"{FOLDER}/{manifest_name(1)}"
    files.contents[path] = bytearray(HEADER.pack(MAGIC, FEATURES_VERSION + 1, 3, 0) + b"new")
    before = files.image()
    with pytest.raises(UnsupportedVersion):
        newest_manifest(files, FOLDER)
    assert files.image() == before


def test_a_manifest_with_an_unknown_feature_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    files = folder()
    write_manifest(files, FOLDER, msgspec.structs.replace(manifest(1), features=["moons"]))
    with pytest.raises(UnsupportedVersion):
        newest_manifest(files, FOLDER)
    monkeypatch.setattr(manifests, "FEATURES_KNOWN", frozenset({"rings"}))
    with pytest.raises(UnsupportedVersion, match="moons"):
        newest_manifest(files, FOLDER)
    monkeypatch.setattr(manifests, "FEATURES_KNOWN", frozenset({"moons"}))
    found = newest_manifest(files, FOLDER)
    assert found is not None
    assert found.features == ["moons"]


def test_a_manifest_without_features_says_nothing_of_them() -> None:
    files = folder()
    write_manifest(files, FOLDER, manifest(1))
    written = bytes(files.contents[f"{FOLDER}/{manifest_name(1)}"])
    assert HEADER.unpack_from(written)[1] == VERSION
    assert b"features" not in written


@pytest.mark.parametrize("fault", list(Fault))
def test_a_failure_at_any_step_leaves_the_old_one_or_the_new(fault: Fault) -> None:
    failures = 0
    while True:
        files = FaultyFiles(folder())
        write_manifest(files, FOLDER, manifest(1))
        files.arm(failures + 1, fault)
        try:
            write_manifest(files, FOLDER, manifest(2))
        except StorageError:
            failures += 1
        else:
            break
        files.disarm()
        assert newest_manifest(files, FOLDER) in (manifest(1), manifest(2))
        write_manifest(files, FOLDER, manifest(2))
        assert newest_manifest(files, FOLDER) == manifest(2)
        assert not files.exists(f"{FOLDER}/{TEMPORARY}")
    assert failures == 5, "create, write, sync, rename and the sync of the folder"
