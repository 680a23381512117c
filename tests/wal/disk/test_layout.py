"""Where everything lies in a data directory, and what its names say."""

from __future__ import annotations

import pytest

from asteroid_cloud.wal.disk.layout import (
    PARTS,
    StoreLayout,
    broken_indexes,
    broken_name,
    is_evidence,
    name_of,
    replaced_states,
)

DEFAULT = StoreLayout("data").collection()


def test_the_default_collection_lies_at_the_root() -> None:
    assert StoreLayout("data").lock == "data/LOCK"
    assert StoreLayout("data").collection("default") == DEFAULT
    assert (DEFAULT.log, DEFAULT.index, DEFAULT.tag("x")) == ("data/wal", "data/index", "data/tags/x")
    assert DEFAULT.lost == "data/lost.json"
    assert DEFAULT.backup_list == "data/BACKUP.json"
    assert (DEFAULT.rebuilt_index, DEFAULT.broken_index(3)) == ("data/index.rebuilt", "data/index.broken.3")


def test_another_collection_is_laid_out_alike_below_the_root() -> None:
    other = StoreLayout("data").collection("7")
    assert (other.root, other.log) == ("data", "data/collections/7/wal")
    below = [path.replace("collections/7/", "") for path in other.parts]
    assert below == DEFAULT.parts


def test_states_that_are_swapped_have_the_parts_of_a_collection() -> None:
    for state, name in ((DEFAULT.restored, "restored"), (DEFAULT.replaced(2), "replaced.2")):
        assert state.parts == [f"data/{name}/{part}" for part in PARTS]
        assert state.ready == f"data/{name}/READY"
        assert state.root == "data"


def test_paths_are_told_from_names() -> None:
    assert DEFAULT.relative("data/index/x") == "index/x"
    assert DEFAULT.relative("elsewhere/x") == "elsewhere/x"
    assert name_of("data/index/x") == name_of("x") == "x"


def test_numbered_names_are_read_back() -> None:
    names = ["index", "index.broken.10", "index.broken.2", "replaced.4", "index.broken.x", "replaced.4.new"]
    assert broken_indexes(names) == [2, 10]
    assert replaced_states(names) == [4]


@pytest.mark.parametrize(
    "name",
    [
        broken_name("x.wal"),
        "x.wal.56.broken",
        "x.wal.0.broken.2",
        "index.rebuilt",
        "index.broken.1",
        "replaced.1",
    ],
)
def test_evidence_is_known_by_its_name(name: str) -> None:
    assert is_evidence(name)


@pytest.mark.parametrize("name", ["index", "wal", "restored", "x.wal", "replaced", "replaced.1.new"])
def test_anything_else_is_no_evidence(name: str) -> None:
    assert not is_evidence(name)
