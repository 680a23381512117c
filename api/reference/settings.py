"""The settings of a server, as a list: the help of ``asteroid serve`` is made from it, too."""

from __future__ import annotations

import msgspec

from asteroid_cloud.api.http.settings import Settings, variable_of


class SettingInfo(msgspec.Struct, frozen=True):
    """One setting, as an operator sees it."""

    name: str
    """The key in the TOML file."""
    flag: str
    off_flag: str
    """The flag that ends what the store remembers of a switch; empty for others."""
    variable: str
    metavar: str
    """What stands for the value in the help; empty for a flag without a value and for choices."""
    choices: list[str]
    """The values that it may have; empty when there are too many to list."""
    default: str
    """The default as text; empty when there is none."""
    unit: str
    """The unit of its number; empty without one."""
    meaning: str

    @property
    def is_switch(self) -> bool:
        """Whether the flag stands alone, without a value."""
        return not self.metavar and not self.choices


def list_settings() -> list[SettingInfo]:
    """All settings, in the order of the help."""
    kind = msgspec.inspect.type_info(Settings)
    assert isinstance(kind, msgspec.inspect.StructType)
    return [_described(field) for field in kind.fields]


def _described(field: msgspec.inspect.Field) -> SettingInfo:
    assert isinstance(field.type, msgspec.inspect.Metadata), f"{field.name} has no description"
    kind, extra = field.type.type, field.type.extra or {}
    choices = [str(value) for value in kind.values] if isinstance(kind, msgspec.inspect.LiteralType) else []
    kinds = kind.types if isinstance(kind, msgspec.inspect.UnionType) else (kind,)
    is_switch = any(isinstance(one, msgspec.inspect.BoolType) for one in kinds)
    has_off = is_switch and len(kinds) > 1
    has_default = not is_switch and field.default not in (msgspec.NODEFAULT, None, "")
    return SettingInfo(
        name=field.name,
        flag=f"--{field.name.replace('_', '-')}",
        off_flag=f"--no-{field.name.replace('_', '-')}" if has_off else "",
        variable=variable_of(field.name),
        metavar="" if is_switch or choices else extra["metavar"] or _metavar(kind),
        choices=choices,
        default=str(field.default) if has_default else "",
        unit=extra["unit"],
        meaning=str((field.type.extra_json_schema or {})["description"]),
    )


def _metavar(kind: msgspec.inspect.Type) -> str:
    """What stands for a value of that type."""
    kinds = kind.types if isinstance(kind, msgspec.inspect.UnionType) else (kind,)
    if any(isinstance(one, msgspec.inspect.IntType) for one in kinds):
        return "INTEGER"
    return "NUMBER" if any(isinstance(one, msgspec.inspect.FloatType) for one in kinds) else "TEXT"
