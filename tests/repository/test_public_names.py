"""What version 0.1 offered by name is still there: every exported name, and what public classes have."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

NAMES: dict[str, dict[str, list[str]]] = json.loads(
    Path(__file__).with_name("public_names_0_1.json").read_text()
)


@pytest.mark.parametrize("package", NAMES)
def test_names_of_0_1_can_be_imported(package: str) -> None:
    module = importlib.import_module(package)
    missing = [name for name in NAMES[package] if not hasattr(module, name)]
    assert missing == []
    assert set(NAMES[package]) <= set(module.__all__)


@pytest.mark.parametrize(
    ("package", "name"), [(package, name) for package in NAMES for name, has in NAMES[package].items() if has]
)
def test_public_classes_have_what_they_had(package: str, name: str) -> None:
    thing = getattr(importlib.import_module(package), name)
    instance_fields = set(getattr(thing, "__struct_fields__", ()))
    missing = [
        each for each in NAMES[package][name] if not hasattr(thing, each) and each not in instance_fields
    ]
    assert missing == []
