"""The catalog: names, aliases, their one name space, and its file."""

from __future__ import annotations

import msgspec
import pytest

from asteroid_cloud.indexer.catalog import Catalog, CatalogEntry, checked_collection_name, new_id
from asteroid_cloud.indexer.catalog import catalog_file as file
from asteroid_cloud.indexer.catalog.marker import read_marker, write_marker
from asteroid_cloud.indexer.checkpoint.manifest import checked_file
from asteroid_cloud.indexer.limits import ALIASES_MAX
from asteroid_cloud.wal.disk import StoreLayout
from asteroid_cloud.wal.errors import AsteroidError, CorruptionError, UnsupportedVersion
from tests.support.memory_files import MemoryFiles

STORE = StoreLayout("store")


def entry(name: str, id_: str | None = None) -> CatalogEntry:
    """A collection of the catalog."""
    return CatalogEntry(name=name, id=id_ or new_id(), dim=4, metric="l2", bits=16)


BOOKS = entry("books")
FULL = Catalog([BOOKS, entry("a-1_b")], [("b", "books"), ("main", "default")])


def code_of(error: pytest.ExceptionInfo[AsteroidError]) -> str:
    """The code of what was raised."""
    return error.value.code


@pytest.mark.parametrize("name", ["a", "0", "a" * 63, "a-_9", "books"])
def test_a_name_of_small_letters_digits_and_dashes_is_taken(name: str) -> None:
    assert checked_collection_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "A", "-a", "_a", "a" * 64, "a.b", "a/b", "ä", "a\n", "٣", None, 5, ".."]
)
def test_any_other_name_is_refused(name: object) -> None:
    with pytest.raises(AsteroidError) as caught:
        checked_collection_name(name)
    assert code_of(caught) == "bad_collection_name"


def test_a_name_or_an_alias_leads_to_a_collection() -> None:
    assert [FULL.resolve(name) for name in ("books", "b", "main", "default")] == [
        "books",
        "books",
        "default",
        "default",
    ]
    with pytest.raises(AsteroidError) as caught:
        FULL.resolve("c")
    assert code_of(caught) == "no_collection"


@pytest.mark.parametrize("name", ["books", "b", "default", "main"])
def test_collections_and_aliases_share_one_name_space(name: str) -> None:
    with pytest.raises(AsteroidError) as caught:
        FULL.check_free(name, 100)
    assert code_of(caught) == "name_taken"
    with pytest.raises(AsteroidError) as caught:
        FULL.with_entry(entry(name))
    assert code_of(caught) == "name_taken"


def test_an_alias_takes_no_name_of_a_collection_and_names_no_alias() -> None:
    for alias, name, code in (
        ("books", "a-1_b", "name_taken"),
        ("c", "b", "no_collection"),
        ("c", "x", "no_collection"),
    ):
        with pytest.raises(AsteroidError) as caught:
            FULL.with_alias(alias, name)
        assert code_of(caught) == code
    with pytest.raises(AsteroidError) as caught:
        FULL.with_alias("default", "books")
    assert code_of(caught) == "name_taken"


def test_there_are_so_many_collections_and_aliases_and_no_more() -> None:
    FULL.check_free("c", 3)
    with pytest.raises(AsteroidError) as caught:
        FULL.check_free("c", 2)
    assert code_of(caught) == "too_many_collections"
    many = Catalog([BOOKS], [(f"a{number}", "books") for number in range(ALIASES_MAX)])
    many.with_alias("a0", "default")
    with pytest.raises(AsteroidError) as caught:
        many.with_alias("c", "books")
    assert code_of(caught) == "too_many_aliases"


def test_a_collection_goes_with_its_aliases() -> None:
    left = FULL.without("books")
    assert (list(left.entries), dict(left.aliases)) == (["a-1_b"], {"main": "default"})
    assert dict(FULL.without("default").aliases) == {"b": "books"}
    assert FULL.without("nothing") == FULL


def test_an_alias_is_switched_and_removed() -> None:
    assert FULL.with_alias("b", "a-1_b").resolve("b") == "a-1_b"
    assert dict(FULL.without_alias("b").aliases) == {"main": "default"}
    assert FULL.without_alias("nothing") == FULL


def test_what_is_written_is_read() -> None:
    files = MemoryFiles()
    files.make_dirs("store")
    assert file.read_catalog(files, STORE) is None
    for catalog in (Catalog(), FULL):
        file.write_catalog(files, STORE, catalog)
        assert file.read_catalog(files, STORE) == catalog


def test_every_damaged_byte_is_noticed() -> None:
    whole = file.encode_catalog(FULL)
    for at in range(len(whole)):
        with pytest.raises((CorruptionError, UnsupportedVersion)):
            file.decode_catalog("catalog", whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(CorruptionError):
            file.decode_catalog("catalog", whole[:at])


@pytest.mark.parametrize(
    "body",
    [
        {"collections": [], "aliases": [["b", "books"]]},
        {"collections": [], "aliases": [["default", "default"]]},
        {"collections": [], "aliases": [["B", "default"]]},
        {"collections": [BOOKS, entry("books")], "aliases": []},
        {"collections": [BOOKS, entry("c", BOOKS.id)], "aliases": []},
        {"collections": [BOOKS], "aliases": [["books", "default"]]},
        {"collections": [entry("default")], "aliases": []},
        {"collections": [entry("Books")], "aliases": []},
        {"collections": [entry("c", "../../../etc")], "aliases": []},
        {"collections": [{"name": "c"}], "aliases": []},
        {"collections": 5, "aliases": []},
        [],
    ],
)
def test_what_no_program_of_this_kind_writes_is_damage(body: object) -> None:
    data = checked_file(file.MAGIC, msgspec.msgpack.encode(body), file.VERSION)
    with pytest.raises(CorruptionError):
        file.decode_catalog("catalog", data)


def test_a_newer_catalog_is_refused() -> None:
    body = {"collections": [], "aliases": [], "features": ["text"]}
    with pytest.raises(UnsupportedVersion, match="text"):
        file.decode_catalog("catalog", checked_file(file.MAGIC, msgspec.msgpack.encode(body), file.VERSION))
    with pytest.raises(UnsupportedVersion):
        file.decode_catalog("catalog", checked_file(file.MAGIC, b"", file.VERSION + 1))


def test_more_about_a_collection_may_be_added_later() -> None:
    more = msgspec.to_builtins(BOOKS) | {"colour": "red"}
    data = checked_file(
        file.MAGIC, msgspec.msgpack.encode({"collections": [more], "aliases": []}), file.VERSION
    )
    assert file.decode_catalog("catalog", data) == Catalog([BOOKS])


def test_a_folder_says_which_collection_it_is() -> None:
    files, layout = MemoryFiles(), STORE.collection(BOOKS.id)
    files.make_dirs(layout.folder)
    with pytest.raises(CorruptionError, match="missing"):
        read_marker(files, layout)
    write_marker(files, layout, BOOKS)
    assert read_marker(files, layout) == BOOKS
    elsewhere = STORE.collection(new_id())
    files.make_dirs(elsewhere.folder)
    write_marker(files, elsewhere, BOOKS)
    with pytest.raises(CorruptionError, match="it is that of"):
        read_marker(files, elsewhere)


def test_every_damaged_byte_of_a_marker_is_noticed() -> None:
    files, layout = MemoryFiles(), STORE.collection(BOOKS.id)
    files.make_dirs(layout.folder)
    write_marker(files, layout, BOOKS)
    whole = files.read(layout.marker, 0, 10_000)
    for at in range(len(whole)):
        files.remove(layout.marker)
        files.create(layout.marker).write(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises((CorruptionError, UnsupportedVersion)):
            read_marker(files, layout)
