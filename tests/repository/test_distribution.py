"""What is built of the sources has all of them: packages are listed, files get into sdist and wheel."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import setuptools  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("wal", "indexer", "query", "api", "client")
KINDS = {".py", ".pyi", ".md", ".typed"}


def files_in(folder: Path) -> set[str]:
    """What the layers below a folder are made of, but for the C++ that is compiled."""
    found = {path for layer in LAYERS for path in (folder / layer).rglob("*") if path.suffix in KINDS}
    return {str(path.relative_to(folder)) for path in found}


def setup(folder: Path, *arguments: str | Path) -> str:
    """Runs a folder's setup.py as a build does, without fetching or compiling anything."""
    command = [sys.executable, "-W", "ignore", "setup.py", "-q", *map(str, arguments)]
    ended = subprocess.run(
        command, cwd=folder, env=os.environ, capture_output=True, text=True, timeout=100, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, unpacked; made of a copy, as it is gathered in the folder that it is made of."""
    folder = tmp_path_factory.mktemp("sdist")

    def left_out(path: str, names: list[str]) -> set[str]:
        """What is no source; ``indexer/build`` is one."""
        built = {"build"} if Path(path) == ROOT else set[str]()
        return built | {name for name in names if name.startswith(".") or name == "__pycache__"}

    sources = shutil.copytree(ROOT, folder / "sources", ignore=left_out)
    setup(sources, "egg_info", "--egg-base", folder, "sdist", "--dist-dir", folder)
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def test_every_folder_with_python_files_is_a_listed_package() -> None:
    folders = {path.parent for layer in LAYERS for path in (ROOT / layer).rglob("*.py")}
    named = {".".join(["asteroid_cloud", *folder.relative_to(ROOT).parts]) for folder in folders}
    given: dict[str, list[str]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(setuptools, "setup", given.update)
        runpy.run_path("setup.py")
    assert sorted(given["packages"]) == sorted(named)


def test_a_source_archive_has_every_file(sdist: Path) -> None:
    assert files_in(sdist) == files_in(ROOT)
    native = {path.relative_to(ROOT) for layer in LAYERS for path in (ROOT / layer).rglob("*.[ch]pp")}
    assert [path for path in native if not (sdist / path).is_file()] == []
    assert {"wal/format/FORMAT.md", "indexer/native/core.pyi"} <= files_in(sdist)


def test_what_is_built_of_it_has_every_file(sdist: Path, tmp_path: Path) -> None:
    setup(sdist, "build_py", "--build-lib", tmp_path)
    assert files_in(tmp_path / "asteroid_cloud") == files_in(ROOT)
