"""Where settings come from: a flag over an environment variable over the file over the default.

Whatever is not known is an error, wherever it stands.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from asteroid_cloud.api.http.settings import VARIABLE_PREFIX, Settings
from asteroid_cloud.wal.errors import InvalidRequest

OTHER_VARIABLES = {"ASTEROID_CONFIG", "ASTEROID_URL", "ASTEROID_WERROR", "ASTEROID_NO_FETCH"}
"""Variables with the prefix that are not settings of the server."""
PLACE = re.compile(r"(.+) - at `\$\.(\w+)`")


def load_settings(flags: Mapping[str, object], variables: Mapping[str, str], config: str | None) -> Settings:
    """The settings in force; raises InvalidRequest ``bad_settings`` that names what is wrong."""
    known = {field.name for field in msgspec.structs.fields(Settings)}
    merged: dict[str, Any] = _read_file(config) if config else {}
    for variable, value in variables.items():
        name = variable.removeprefix(VARIABLE_PREFIX).lower()
        if not variable.startswith(VARIABLE_PREFIX) or variable in OTHER_VARIABLES:
            continue
        if name not in known:
            raise InvalidRequest(f"there is no setting for the variable {variable}", code="bad_settings")
        merged[name] = value
    merged.update({name: value for name, value in flags.items() if value is not None})
    if not merged.get("data"):
        raise InvalidRequest(
            "there is no folder for the data: give --data DIR or ASTEROID_DATA", code="bad_settings"
        )
    try:
        return msgspec.convert(merged, Settings, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise InvalidRequest(_named(str(error)), code="bad_settings") from error


def _named(problem: str) -> str:
    """The decoder's message, but the setting comes first."""
    found = PLACE.fullmatch(problem)
    return f"{found[2]}: {found[1]}" if found else f"settings: {problem}"


def _read_file(config: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(config).read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidRequest(f"{config}: {error}", code="bad_settings") from error
