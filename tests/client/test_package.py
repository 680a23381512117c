"""What the package shows of itself."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from types import ModuleType

from asteroid_cloud import client as package
from asteroid_cloud.client import AsyncClient, Client

ROOT = Path(__file__).parents[2]
SEED = [
    *("insert", "upsert", "get", "delete", "get_payload", "set_payload", "merge_payload", "search"),
    *("insert_batch", "bulk_build", "create_index", "get_index", "delete_index", "stats", "health", "ready"),
]
MORE = [
    "search_batch",
    "fetch",
    "flush",
    "delete_many",
    "merge_many",
    "set",
    "write",
    "scroll",
    "count",
    "recall",
    "facets",
    "fields",
    "field_range",
    "backup",
    "backups",
    "changes",
    "tag",
    "tags",
    "untag",
    "purge",
    "recovery",
    "wait_for",
    "key",
    "create_collection",
    "collections",
    "collection",
    "delete_collection",
    "set_alias",
    "aliases",
    "delete_alias",
    "set_text",
    "get_text",
    "delete_text",
]


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_all_names_the_public_names() -> None:
    visible = {name for name, value in vars(package).items() if not isinstance(value, ModuleType)}
    assert {name for name in visible if not name.startswith("_")} == set(package.__all__)


def test_both_clients_have_all_methods() -> None:
    assert public(Client) == {*SEED, *MORE, "base_url", "close"}
    assert public(AsyncClient) == {*SEED, *MORE, "base_url", "aclose"}


def test_arguments_of_the_published_client() -> None:
    published = {
        "create_index": ["dim", "metric"],
        "insert": ["id", "vector", "metadata"],
        "upsert": ["id", "vector"],
        "set_payload": ["id", "payload"],
        "merge_payload": ["id", "partial"],
        "search": ["vector", "k", "ef_search", "filter"],
        "bulk_build": ["vectors", "dim", "threads", "payloads"],
        "insert_batch": ["items", "chunk_size"],
        "__init__": ["api_key", "base_url", "timeout"],
    }
    for name, arguments in published.items():
        assert list(inspect.signature(getattr(Client, name)).parameters)[1 : len(arguments) + 1] == arguments


def test_the_client_imports_nothing_else_of_ours() -> None:
    for path in (ROOT / "client").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names = [node.module or ""]
            for name in names:
                assert not name.startswith("asteroid_cloud") or name.startswith("asteroid_cloud.client"), path


def test_the_protocol_has_no_input_or_output() -> None:
    allowed = {"asteroid_cloud", "msgspec", "numpy", "__future__", "collections", "contextlib", "dataclasses"}
    allowed |= {
        "binascii",
        "email",
        "enum",
        "functools",
        "json",
        "operator",
        "random",
        "secrets",
        "time",
        "typing",
        "urllib",
    }
    for path in (ROOT / "client" / "protocol").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert {name.split(".")[0] for name in names} <= allowed, path
            assert not (isinstance(node, ast.Name) and node.id == "open"), path
