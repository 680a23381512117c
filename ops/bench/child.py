"""The process of one phase: `python -m ops.bench.child JOB`; its result goes to standard output."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from ops.bench.job import Job


def perform(job: Job) -> msgspec.Struct:
    """Runs the phase; imports only what it needs, since imports count as memory."""
    folder = Path(job.folder)
    if job.phase in ("load_embedded", "load_http"):
        from ops.bench import loading

        load = loading.load_http if job.phase == "load_http" else loading.load_embedded
        return load(job.dataset, folder)
    if job.phase == "restart":
        from ops.bench import restart

        return restart.measure(job.dataset, folder)
    if job.phase == "search":
        from ops.bench import searching

        return searching.measure(job.detail, job.dataset, folder, job.seconds)
    if job.phase in ("press", "write"):
        from ops.bench import pressure

        if job.phase == "write":
            return pressure.write(job.dataset, job.detail, job.seconds)
        return pressure.measure(job.dataset, folder, job.seconds)
    raise ValueError(f"there is no phase {job.phase!r}")


if __name__ == "__main__":
    result = perform(msgspec.json.decode(sys.argv[1], type=Job))
    sys.stdout.buffer.write(msgspec.json.encode(result))
