"""The ``asteroid`` command."""

from __future__ import annotations

from importlib.metadata import version

import rich_click as click

click.rich_click.TEXT_MARKUP = "rich"


class Commands(click.RichGroup):
    """Loads what a subcommand needs only when it is called, so that help is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return ["serve", "backup", "restore", "recovery", "verify", "keys", "wal"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name == "serve":
            from asteroid_cloud.api.cli.serve import serve

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
        if cmd_name == "keys":
            from asteroid_cloud.api.cli.keys import keys

            return keys
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
