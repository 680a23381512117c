"""``asteroid keys``: makes, lists and revokes keys that may do some things, with some collections."""

from __future__ import annotations

import rich_click as click
from rich.table import Table

from asteroid_cloud.api.cli.options import as_json_option, errors_to_status, print_json, print_table
from asteroid_cloud.api.http.access.keys_edit import add_key, remove_key
from asteroid_cloud.api.http.access.keys_file import keys_by_line, read_bytes
from asteroid_cloud.api.service.access.grants import ROLES

file_option = click.option(
    "--file",
    "path",
    envvar="ASTEROID_API_KEYS",
    required=True,
    metavar="FILE",
    show_envvar=True,
    help="The file of keys, which the server's setting api_keys names.",
)


@click.group()
def keys() -> None:
    """Make, list and revoke keys.

    A running server takes a change over within five seconds. The file holds digests of keys, not the keys.
    """


@keys.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the key may do.")
@click.option(
    "--collection",
    "collections",
    multiple=True,
    metavar="NAME",
    help="A collection or alias that the key is limited to; may be given often. Without it: all.",
)
@file_option
@errors_to_status
def new(name: str, role: str, collections: tuple[str, ...], path: str) -> None:
    """Make a key called NAME and print it: it is shown this once, and stored nowhere."""
    click.echo(add_key(path, name, role, collections or None))


@keys.command("list")
@file_option
@as_json_option
@errors_to_status
def list_keys(path: str, as_json: bool) -> None:
    """List the keys of the file: their lines, names, roles and collections."""
    found = keys_by_line(read_bytes(path))
    if as_json:
        print_json(
            [
                {"line": line, "name": grant.name, "role": grant.role, "collections": grant.collections}
                for line, grant in ((line, key.grant) for line, key in found.items())
            ]
        )
        return
    table = Table("line", "name", "role", "collections")
    for line, key in found.items():
        grant = key.grant
        limits = "all" if grant.collections is None else ", ".join(grant.collections)
        table.add_row(str(line), grant.name or "(a key without a name)", grant.role, limits)
    print_table(table)


@keys.command()
@click.argument("name")
@file_option
@errors_to_status
def revoke(name: str, path: str) -> None:
    """Remove the key called NAME from the file."""
    remove_key(path, name)
