"""Where settings come from: a flag over an environment variable over the file over the default.

A flag or a key of the file that is not known is an error. A variable that is not known is left alone, and
whoever starts the server can name it: variables are set by others too. Kubernetes and Docker set some for
each service that they link to, ``ASTEROID_PORT=tcp://…`` for one of the name ``asteroid``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import msgspec

from asteroid_cloud.api.http.settings.settings import VARIABLE_PREFIX, Settings, variable_of
from asteroid_cloud.api.limits import CONFIG_FILE_BYTES_MAX
from asteroid_cloud.wal.disk import read_named
from asteroid_cloud.wal.errors import AsteroidError, InvalidRequest

OTHER_VARIABLES = {"ASTEROID_CONFIG", "ASTEROID_URL", "ASTEROID_WERROR", "ASTEROID_NO_FETCH"}
"""Variables with the prefix that are not settings of the server."""
SECRETS = {"api_key"}
"""Settings whose values are never shown."""
SHOWN_CHARACTERS_MAX = 80
PLACE = re.compile(r"(.+) - at `\$\.(\w+)`")
LINK_NAME = re.compile(r"ASTEROID_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
LINK_VALUE = re.compile(r"(tcp|udp|sctp)://\S*", re.IGNORECASE)


def load_settings(flags: Mapping[str, object], variables: Mapping[str, str], config: str | None) -> Settings:
    """The settings in force; raises InvalidRequest ``bad_settings`` that names what is wrong, and where."""
    merged: dict[str, Any] = _read_file(config) if config else {}
    given = {name: value for name, value in flags.items() if value is not None}
    taken = _taken(variables)
    merged.update(taken)
    merged.update(given)
    if not merged.get("data"):
        raise InvalidRequest(
            "there is no folder for the data: give --data DIR or ASTEROID_DATA", code="bad_settings"
        )
    try:
        return msgspec.convert(merged, Settings, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        from_variables = {name: value for name, value in taken.items() if name not in given}
        raise InvalidRequest(_named(str(error), from_variables), code="bad_settings") from error


def unknown_variables(variables: Mapping[str, str]) -> list[str]:
    """The variables with the server's prefix that are neither settings nor set by a service link."""
    ours = (name for name in variables if name.startswith(VARIABLE_PREFIX) and name not in OTHER_VARIABLES)
    return sorted(
        name for name in ours if _setting(name) is None and not _is_service_link(name, variables[name])
    )


def _taken(variables: Mapping[str, str]) -> dict[str, str]:
    """The settings among the variables."""
    return {
        name: value
        for variable, value in variables.items()
        if (name := _setting(variable)) is not None and not _is_service_link(variable, value)
    }


def _setting(variable: str) -> str | None:
    """The setting that a variable gives."""
    name = variable.removeprefix(VARIABLE_PREFIX).lower()
    is_setting = variable == variable_of(name) and name in Settings.__struct_fields__
    return name if is_setting else None


def _is_service_link(variable: str, value: str) -> bool:
    """Whether it has the shape of what is set for a linked service: it says where that service is."""
    if LINK_NAME.fullmatch(variable):
        return True
    return variable.endswith("_PORT") and LINK_VALUE.fullmatch(value.strip()) is not None


def _named(problem: str, from_variables: Mapping[str, str]) -> str:
    """The decoder's message, but the setting comes first, and the variables that gave it are named."""
    found = PLACE.fullmatch(problem)
    told = f"{found[2]}: {found[1]}" if found else f"settings: {problem}"
    notes = [
        variable_of(name) + ("" if name in SECRETS else f" is {value[:SHOWN_CHARACTERS_MAX]!r}")
        for name, value in from_variables.items()
        if re.search(rf"\b{name}\b", told)
    ]
    return f"{told} (the variable {', the variable '.join(notes)})" if notes else told


def _read_file(config: str) -> dict[str, Any]:
    try:
        return tomllib.loads(read_named(config, CONFIG_FILE_BYTES_MAX).data.decode())
    except (OSError, AsteroidError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidRequest(f"{config}: {error}", code="bad_settings") from error
