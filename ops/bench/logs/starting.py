"""Starting a server on a store whose process was killed, when no record of the log is in a segment yet."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import msgspec

from asteroid_cloud.client import Client
from ops.bench.data import Dataset
from ops.bench.job import ROOT
from ops.bench.loading import QUIET
from ops.bench.logs.killed import WRITERS, Doomed
from ops.bench.restart import first_ready
from ops.bench.tables import Rows, Table, count, seconds
from ops.server import Server

LOG_BYTES = 64 << 20
PASSES = 3
READY_S_MAX = 2.0


def table(dataset: Dataset, folder: Path) -> Table:
    """Kills the writer, and starts a server several times on a copy of what it left."""
    rows: Rows = []
    for name, batch_rows in (("batches of 1,000", 1000), (f"single rows of {WRITERS} writers", 1)):
        left = folder / "left"
        job = Doomed(dataset, str(left), batch_rows, LOG_BYTES)
        command = [sys.executable, "-m", "ops.bench.logs.killed", msgspec.json.encode(job).decode()]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        assert status == -signal.SIGKILL, f"the writer ended with status {status}"
        passes = [_start(left, folder / "started") for _ in range(PASSES)]
        ready_s, vectors = median(s for s, _ in passes), passes[0][1]
        rows.append((name, count(vectors), seconds(ready_s), count(vectors / ready_s)))
        shutil.rmtree(left)
    heads = ("log of 64 MiB, written in", "rows", "ready", "rows/s")
    note = (
        "Killed with SIGKILL while writing. Ready: from the start of the server, with its usual settings, "
        f"to the first 200 of /ready; promised < {READY_S_MAX:g} s. The files are in the page cache."
    )
    return Table("Starting after a kill", heads, rows, note)


def _start(left: Path, folder: Path) -> tuple[float, int]:
    """Seconds until the server is ready, and the number of its rows."""
    shutil.copytree(left, folder)
    began_s = time.perf_counter()
    server = Server(folder, *QUIET)
    server.start()
    try:
        first_ready(server.url)
        ready_s = time.perf_counter() - began_s
        with Client(base_url=server.url) as client:
            vectors = client.stats()["vectors"]
    finally:
        server.kill()
    shutil.rmtree(folder)
    assert isinstance(vectors, int)
    return ready_s, vectors
