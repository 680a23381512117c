"""A group of the embedded store's calls, made ready to run beside the event loop that the store lives in.

A method that awaits nothing but the reading side keeps its body: a snapshot is immutable, so it can be
read from any thread, and a hop would cost more than a short search. Every other method passes its
arguments on to the asynchronous one, which runs in the store's event loop.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

Method = ast.AsyncFunctionDef


def passing_on(source: str, module: str) -> str:
    """The class of calls alone; what else its module defines is imported from there."""
    tree, lines = ast.parse(source), source.splitlines()
    (group,) = (each for each in tree.body if isinstance(each, ast.ClassDef) and each.name.endswith("Calls"))
    others = sorted(set(_defined(tree)) - {group.name})
    last = max(each.end_lineno or 0 for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom))
    imports = lines[:last] + ([f"from {module} import {', '.join(others)}"] if others else [])
    body = lines[group.lineno - 1 : group.body[0].end_lineno]
    for method in group.body[1:]:
        if not isinstance(method, ast.AsyncFunctionDef):
            continue
        end = method.end_lineno or 0
        if runs_in_place(method):
            body += ["", *lines[method.lineno - 1 : end]]
        elif not method.name.startswith("_"):
            body += ["", *lines[method.lineno - 1 : method.body[0].end_lineno], f"        {_passed(method)}"]
    return "\n".join([*imports, "", "", *body, ""])


def runs_in_place(method: Method) -> bool:
    """Whether all that it awaits is the reading side."""
    awaited = [ast.unparse(each.value) for each in ast.walk(method) if isinstance(each, ast.Await)]
    uses_the_engine = any(
        isinstance(each, ast.Attribute) and each.attr == "engine" for each in ast.walk(method)
    )
    return bool(awaited) and not uses_the_engine and all(each.startswith("self.reads.") for each in awaited)


def _passed(method: Method) -> str:
    """The statement that passes the arguments on."""
    name, given = f"self._store.{method.name}", list(_arguments(method.args))
    if any(isinstance(each, ast.Yield) for each in ast.walk(method)):
        return f"yield from self._loop.each({name}({', '.join(given)}))"
    call = f"self._loop.run({', '.join([name, *given])})"
    is_none = isinstance(method.returns, ast.Constant) and method.returns.value is None
    return call if is_none else f"return {call}"


def _arguments(arguments: ast.arguments) -> Iterator[str]:
    yield from (each.arg for each in arguments.args if each.arg != "self")
    yield from (f"{each.arg}={each.arg}" for each in arguments.kwonlyargs)


def _defined(tree: ast.Module) -> Iterator[str]:
    for each in tree.body:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield each.name
        elif isinstance(each, ast.Assign):
            yield from (target.id for target in each.targets if isinstance(target, ast.Name))
