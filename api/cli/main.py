"""The ``asteroid`` command."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version

import msgspec
import rich_click as click

from asteroid_cloud.api.http.settings import Settings, load_settings, variable_of
from asteroid_cloud.wal.errors import AsteroidError

METAVARS = {
    "data": "DIR",
    "api_keys": "FILE",
    "memory_budget": "SIZE",
    "mapped_bytes_max": "SIZE",
    "log_retention_bytes": "SIZE",
    "log_retention_age": "TIME",
    "backup_dir": "DIR",
    "public": "NAMES",
}

click.rich_click.TEXT_MARKUP = "rich"


class Commands(click.RichGroup):
    """Loads what a subcommand needs only when it is called, so that help is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return ["serve", "backup", "restore", "recovery", "verify", "wal"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name == "serve":
            return serve
        if cmd_name == "verify":
            from asteroid_cloud.api.cli.verify import verify

            return verify
        if cmd_name == "backup":
            from asteroid_cloud.api.cli.backup import backup

            return backup
        if cmd_name == "restore":
            from asteroid_cloud.api.cli.restore import restore

            return restore
        if cmd_name == "recovery":
            from asteroid_cloud.api.cli.recovery import recovery

            return recovery
        if cmd_name == "wal":
            from asteroid_cloud.api.cli.wal.commands import wal
            from asteroid_cloud.api.cli.wal.reindex import replay
            from asteroid_cloud.api.cli.wal.repair import repair

            wal.add_command(replay)
            wal.add_command(repair)
            return wal
        return None


@click.group(cls=Commands)
@click.version_option(version("asteroid-cloud"), message="%(version)s")
def main() -> None:
    """A vector database: a server, and tools for its log."""


def _option(field: msgspec.inspect.Field) -> click.Option:
    """The command line's option for one setting."""
    kind, description = field.type, ""
    if isinstance(kind, msgspec.inspect.Metadata):
        description = str((kind.extra_json_schema or {}).get("description", ""))
        kind = kind.type
    is_flag = isinstance(kind, msgspec.inspect.BoolType)
    choices = [str(value) for value in kind.values] if isinstance(kind, msgspec.inspect.LiteralType) else []
    has_default = not is_flag and field.default not in (msgspec.NODEFAULT, None, "")
    notes = [f"default: {field.default}"] * has_default + [variable_of(field.name)]
    return click.RichOption(
        [f"--{field.name.replace('_', '-')}", field.name],
        is_flag=is_flag,
        default=None,
        type=click.Choice(choices) if choices else None,
        metavar=None if is_flag or choices else METAVARS.get(field.name, _metavar(kind)),
        help=f"{description} [dim]\\[{'; '.join(notes)}][/]",
        show_envvar=False,
    )


def _metavar(kind: msgspec.inspect.Type) -> str:
    """What to write after an option, by the type of its setting."""
    kinds = kind.types if isinstance(kind, msgspec.inspect.UnionType) else (kind,)
    if any(isinstance(one, msgspec.inspect.IntType) for one in kinds):
        return "INTEGER"
    return "NUMBER" if any(isinstance(one, msgspec.inspect.FloatType) for one in kinds) else "TEXT"


def _serve(config: str | None, **flags: object) -> None:
    """Start a server over one store.

    The folder is made if need be, and recovered if the last server was killed. One line on standard output
    says the address once requests are accepted; Ctrl-C ends it.

    Every option is also a variable, ASTEROID_DATA for --data and so on, and a key of the file that --config
    names; an option wins over a variable, a variable over the file.
    """
    from asteroid_cloud.api.http.server import run

    try:
        run(load_settings(flags, os.environ, config))
    except AsteroidError as error:
        click.echo(f"asteroid: {error.message}", err=True)
        if "advice" in error.details:
            click.echo(f"asteroid: {error.details['advice']}", err=True)
        sys.exit(1)


serve = click.RichCommand(
    name="serve",
    callback=_serve,
    help=_serve.__doc__,
    params=[
        click.RichOption(
            ["--config"], envvar="ASTEROID_CONFIG", metavar="FILE", help="TOML file of settings."
        ),
        *map(_option, msgspec.inspect.type_info(Settings).fields),  # type: ignore[attr-defined]
    ],
)
