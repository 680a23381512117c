"""Rows without a vector take no room of one: neither on their way to the disk nor once they are there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from asteroid_cloud.wal.limits import MIB

ROWS, DIM = 10_000, 4_000
VECTORS_BYTES = 4 * ROWS * DIM
SCRIPT = """
import asyncio, json, resource, sys
import numpy as np
import asteroid_cloud.api as api
from asteroid_cloud.api.wire.batches import read_batch, read_item_list

ROWS, DIM = 10_000, 4_000

def peak():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

async def main(path, kind):
    async with api.open(path) as store:
        await store.engine.create_index(DIM, "l2", vector="optional")
        items = [{"id": number} for number in range(ROWS)]
        items[7] = {"id": 7, "vector": [1.0] * DIM}
        body = json.dumps({"items": items}).encode()
        lsn = (await store.insert(ROWS, [0.0] * DIM)).lsn
        before = peak()
        if kind == "http":
            spec = store.engine.snapshot().spec
            rows = read_batch(body, spec, 65_536)
            read_item_list(json.dumps(items).encode(), spec, 65_536)
            await store.engine.upsert(rows.ids, rows.vectors, rows.payloads, bare=rows.bare)
        elif kind == "write":
            await store.write(upserts=items)
        else:
            await store.insert_batch(items, chunk_size=ROWS)
        written = peak() - before
        async for change in store.changes(lsn, include=["vector"], follow=False):
            assert change.kind == "upsert"
        await store.flush()
        assert (await store.stats()).vectors == ROWS + 1
        assert [hit.id for hit in await store.search([1.0] * DIM, k=5)] == [7, ROWS]
        print(json.dumps({"written": written, "all": peak() - before}))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("kind", ["http", "batch", "write"])
def test_a_small_body_of_many_rows_takes_little_memory(tmp_path: Path, kind: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "data"), kind],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    grown = json.loads(ran.stdout)
    assert grown["written"] < VECTORS_BYTES // 4, f"{grown['written'] // MIB} MiB"
    assert grown["all"] < VECTORS_BYTES // 2, f"{grown['all'] // MIB} MiB"
