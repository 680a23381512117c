"""The hard limits of all layers, as a list."""

from __future__ import annotations

import ast
import inspect
from types import ModuleType

import msgspec

import asteroid_cloud.api.limits
import asteroid_cloud.indexer.limits
import asteroid_cloud.query.limits
import asteroid_cloud.wal.limits

LIMITS: dict[str, ModuleType] = {
    "api": asteroid_cloud.api.limits,
    "query": asteroid_cloud.query.limits,
    "indexer": asteroid_cloud.indexer.limits,
    "wal": asteroid_cloud.wal.limits,
}
"""The limits of each layer, by the layer's name."""
UNITS = {"BYTES_PER_S": "bytes a second", "BYTES": "bytes", "S": "seconds"}
"""The unit of a limit, by what stands in its name; the others are counts."""
UNIT_NAMES = {"KIB", "MIB"}
"""Names in the modules of limits that are units."""


class LimitInfo(msgspec.Struct, frozen=True):
    """One hard limit."""

    layer: str
    name: str
    value: int | float
    unit: str
    """Empty for a count."""
    meaning: str


def list_limits() -> list[LimitInfo]:
    """All hard limits, layer by layer from the top, in the order in which they are declared."""
    return [each for layer, module in LIMITS.items() for each in _limits_of(layer, module)]


def _limits_of(layer: str, module: ModuleType) -> list[LimitInfo]:
    """The constants that a module assigns, each with the docstring that must stand below it."""
    statements = ast.parse(inspect.getsource(module)).body
    found = []
    for statement, following in zip(statements, [*statements[1:], None], strict=True):
        if not (isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)):
            continue
        name = statement.targets[0].id
        if name not in UNIT_NAMES:
            found.append(LimitInfo(layer, name, getattr(module, name), _unit(name), _text(name, following)))
    return found


def _text(name: str, statement: ast.stmt | None) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return str(statement.value.value)
    raise LookupError(f"the limit {name} has no docstring below it")


def _unit(name: str) -> str:
    return next((unit for part, unit in UNITS.items() if f"_{part}_" in f"_{name}_"), "")
