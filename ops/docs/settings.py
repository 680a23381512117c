"""``docs/configuration.md``: every setting of the server, from the settings themselves."""

from __future__ import annotations

from asteroid_cloud.api.reference import SettingInfo, list_settings
from ops.docs.tables import page, table

INTRO = """
`asteroid serve` reads each setting from four places. The first place that has it wins:

1. the flag on the command line, for example `--port 9000`;
2. the environment variable, for example `ASTEROID_PORT=9000`;
3. the key in the TOML file that `--config FILE` or `ASTEROID_CONFIG` names, for example `port = 9000`;
4. the default.

A name that is not in this table is an error, in each of these places: a mistyped setting never passes
unnoticed. A value that is not allowed ends the start with one line that names the setting.

A size is a number of bytes, or a number with `KiB`, `MiB`, `GiB` or `TiB`: `256MiB`. A length of time is
a number with `s`, `m`, `h` or `d`: `12h`.
"""
EXAMPLE = """
## A file of settings

```toml
data = "/var/lib/asteroid"
host = "0.0.0.0"
api_keys = "/etc/asteroid/keys"
memory_budget = "1GiB"
backup_dir = "/var/backups/asteroid"
log_retention_age = "7d"
```

```text
asteroid serve --config /etc/asteroid/asteroid.toml
```

The file of keys has one key a line; `#` begins a comment. Clients send a key as `Authorization: Bearer
KEY`.
"""
CLIENT = """
## Clients

The Python clients take `base_url` and `api_key` as arguments. Without them they read `ASTEROID_URL` and
`ASTEROID_API_KEY`; without these they call `http://127.0.0.1:8000` and send no key. When server and
client share an environment, `ASTEROID_API_KEY` serves both.

## Embedded stores

`asteroid_cloud.api.open` and `open_blocking` take what concerns the store as arguments: `dim`, `metric`,
`bits`, `memory_budget_bytes`, `log_retention_bytes`, `log_retention_s`, `recovery`, `recall_sample_every` and
`recall_min`. They read no variables and no file.
"""


def settings_page() -> str:
    """The whole page."""
    head = ("Flag", "Variable", "TOML key", "Default", "Meaning")
    return page("Configuration", INTRO, table(head, map(_row, list_settings())), EXAMPLE, CLIENT)


def _row(setting: SettingInfo) -> tuple[str, ...]:
    values = "|".join(setting.choices) or setting.metavar
    return (
        f"`{setting.flag} {values}`" if values else f"`{setting.flag}`",
        f"`{setting.variable}`",
        f"`{setting.name}`",
        _default(setting),
        setting.meaning,
    )


def _default(setting: SettingInfo) -> str:
    if setting.name == "data":
        return "required"
    if setting.is_switch:
        return "off"
    return f"`{setting.default}`" if setting.default else "none"
