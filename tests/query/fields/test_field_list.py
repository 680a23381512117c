"""The list of fields is what a plain loop over the payloads finds, by columns and without."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from asteroid_cloud.indexer import IndexSpec, PartView, Snapshot
from asteroid_cloud.query import field_list, path_text
from asteroid_cloud.wal.lsn import Lsn
from tests.query.selection.test_field_agreement import view_of
from tests.support import oracle
from tests.support.parts import World
from tests.support.strategies import random_payload

KINDS = ["null", "boolean", "number", "string", "array", "object"]


def expected(documents: list[dict[str, Any]]) -> list[tuple[str, list[str], int]]:
    found: dict[tuple[str, ...], list[str]] = {}

    def note(document: dict[str, Any], above: tuple[str, ...]) -> None:
        for name, value in document.items():
            found.setdefault((*above, name), []).append(oracle.kind(value))
            if isinstance(value, dict):
                note(value, (*above, name))

    for document in documents:
        note(document, ())
    return [
        (path_text(path), [kind for kind in KINDS if kind in kinds], len(kinds))
        for path, kinds in sorted(found.items())
    ]


def odd(document: dict[str, Any], random: Random) -> dict[str, Any]:
    """Sometimes with keys that need escapes."""
    return {
        random.choice([name, name, name + ".x", "$" + name, name + "\\"]): each
        for name, each in document.items()
    }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("names", [0, 300])
def test_fields_are_those_of_a_plain_loop(seed: int, names: int, tmp_path: Path) -> None:
    random = Random(seed)
    documents = [odd(random_payload(random, 3 if names else 1), random) for _ in range(600)]
    for number in range(names):  # more than there are columns for
        documents[number][f"name {number}"] = number
    texts = [json.dumps(each).encode() if each else b"" for each in documents]
    for row in range(0, 600, 50):  # a name that is given twice: the last one counts
        texts[row] = b'{"a":1,"a":2}'
        documents[row] = {"a": 2}
    view = view_of(tmp_path, texts)
    is_dead = np.array([random.random() < 0.2 for _ in range(600)])
    first = PartView(view.part, 600, int((~is_dead).sum()), np.packbits(~is_dead, bitorder="little"))
    world, tail = World(2, capacity=100), [odd(random_payload(random), random) for _ in range(50)]
    world.upsert(range(1_000, 1_050), payloads=[json.dumps(each).encode() for each in tail])
    parts = (first, *world.snapshot().parts)
    snapshot = Snapshot(Lsn(1), IndexSpec(2, "l2"), parts, sum(part.live for part in parts))
    ids = view.all_ids().tolist()
    alive = [documents[id] for row, id in enumerate(ids) if not is_dead[row]]
    found = [(each.path, each.kinds, each.count) for each in field_list(snapshot)]
    assert found == expected(alive + tail)
    assert (view.part.fields.paths() is None) == bool(names)  # type: ignore[union-attr]
