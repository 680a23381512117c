"""kill -9 while collections are made, filled and removed: what was told stands, nothing is half there."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from asteroid_cloud.api.service.collections import open_collections
from tests.promises.crash.changing_collections import Model
from tests.support.engines import contents

KILLS = 12


def run_and_kill(folder: Path, seed: int, model: Model, after_s: float) -> list[Model]:
    """Lets a process change the store for a while; the states that it may have left."""
    module = "tests.promises.crash.changing_collections"
    command = [sys.executable, "-m", module, str(folder), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(after_s)
        child.kill()
        lines = [first, *child.stdout.read().splitlines(keepends=True)]
    in_doubt = None
    for line in lines:
        if not line.endswith(b"\n"):
            break  # the kill cut it
        said, step, *_ = json.loads(line)
        in_doubt = step if said == "begin" else None
        if said == "done":
            model.do(step)
    maybe = model.copy()
    if in_doubt is not None and maybe.allows(in_doubt):
        maybe.do(in_doubt)
    return [model, maybe]


async def found_in(folder: Path) -> Model:
    """What a store holds; every folder in it has to be that of a collection."""
    found = Model()
    async with open_collections(str(folder)) as all_:
        await all_.default.engine.ready()
        for info in await all_.infos():
            async with all_.use(info.name) as collection:
                found.rows[info.name] = set(contents(collection.engine))
        found.aliases = all_.aliases
        folders = folder / "collections"
        assert len(list(folders.iterdir()) if folders.exists() else []) == len(found.rows)
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_lose_nothing_and_leave_nothing_half_done(tmp_path: Path, seed: int) -> None:
    choose, model, changed = random.Random(seed), Model(), 0
    for number in range(KILLS):
        before = model.copy()
        states = run_and_kill(tmp_path, seed * 100 + number, model, choose.uniform(0.0, 0.5))
        found = anyio.run(found_in, tmp_path)
        assert found in states, (found, states)
        changed += found != before
        model = found
    assert changed > KILLS // 2
    assert model.rows, "nothing was ever there"
