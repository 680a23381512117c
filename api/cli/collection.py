"""``--collection NAME``: commands that take the folder of a store, for one of its collections.

A collection's folder is laid out as a store is. A command gets that folder in the place of the store's; the
store is locked for as long as it runs, as the command itself would lock it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Literal

import rich_click as click

from asteroid_cloud.indexer.catalog import Catalog, no_collection, open_catalog
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk import DEFAULT, StoreLayout
from asteroid_cloud.wal.store import enter, look, look_beside

Way = Literal["beside", "look", "enter"]
"""Whether a server may have the store open, nobody may change it meanwhile, or the command may change it."""


def collection_option(
    parameter: str,
    way: Way,
    *,
    beside_if: str | None = None,
    changes_if: str | None = None,
    one_if: Callable[[dict[str, Any]], bool] = lambda _: False,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds the option to a command whose ``parameter`` is the folder of a store, or of a backup of one.

    With the parameter ``beside_if`` the command may run beside a server, with ``changes_if`` it changes the
    store. With arguments of which ``one_if`` holds it is about one collection, which has to be named where
    there are several. The option goes below ``errors_to_status``.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @click.option("--collection", metavar="NAME", help="Only this collection; an alias will do.")
        @wraps(command)
        def run(collection: str | None, **arguments: Any) -> None:
            if collection is None:
                if one_if(arguments):
                    _check_alone(str(arguments[parameter]))
                command(**arguments)
                return
            folder = str(arguments[parameter]).rstrip("/")
            chosen = way
            if beside_if is not None and arguments[beside_if]:
                chosen = "beside"
            if changes_if is not None and arguments[changes_if]:
                chosen = "enter"
            with _held(folder, chosen):
                command(**arguments | {parameter: folder_of(folder, collection)})

        return run

    return decorate


def catalog_of(folder: str) -> Catalog:
    """The collections of a store or a backup; raises CorruptionError, UnsupportedVersion."""
    return open_catalog(LocalFiles(), StoreLayout(folder.rstrip("/")))


def folder_of(folder: str, name: str) -> str:
    """Where a collection of a store lies, by its name or alias; raises NotFound ``no_collection``."""
    catalog = catalog_of(folder)
    target = catalog.resolve(name)
    id_ = DEFAULT if target == DEFAULT else catalog.entries[target].id
    found = StoreLayout(folder).collection(id_).folder
    if not LocalFiles().is_dir(found):
        raise no_collection(name)
    return found


def _check_alone(folder: str) -> None:
    """Raises UsageError when there is any collection beside ``default``."""
    names = sorted(catalog_of(folder).entries)
    if names:
        shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        raise click.UsageError(
            f"this is of one collection, and {folder} has others ({shown}): name it with --collection, "
            f"also if it is {DEFAULT}"
        )


@contextmanager
def _held(folder: str, way: Way) -> Iterator[None]:
    files = LocalFiles()
    if way == "enter":
        with enter(files, folder):
            yield
    elif way == "look":
        with look(files, folder, backups=True):
            yield
    else:
        with look_beside(files, folder, backups=True):
            yield
