"""Loads one collection at full speed, in a process of its own."""

from __future__ import annotations

import argparse
import sys
import time

from ops.bench.collections.wire import Wire, batch, vectors

DISTINCT = 8
"""Batches that are made before the load, and sent again and again under new ids."""
FIRST = 10_000_000
"""All ids of the batches have as many digits, so that others before them make new ones."""
ID = b'{"id": '


def main() -> None:
    """Says in a line that it is ready, waits for a line on standard input, then loads for so long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("name")
    parser.add_argument("--dim", type=int, required=True)
    parser.add_argument("--rows", type=int, default=500, help="of a batch")
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    rows, dim = options.rows, options.dim
    bodies = [batch(FIRST + number * rows, vectors(rows, dim, 1000 + number)) for number in range(DISTINCT)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    wire, sent, refused = Wire(options.url), 0, 0
    began_s = time.perf_counter()
    while time.perf_counter() - began_s < options.seconds:
        body = _moved(bodies[sent % DISTINCT], 1_000_000 * (sent // DISTINCT))
        status, answer = wire.try_ask("POST", f"/v1/collections/{options.name}/vectors/batch", body)
        if status == 503:
            refused += 1
            continue
        if status != 201:
            raise RuntimeError(f"{status} {answer!r:.300}")
        sent += 1
    elapsed_s = time.perf_counter() - began_s
    sys.stdout.write(f"{sent * rows} {elapsed_s} {refused}\n")


def _moved(body: bytes, by: int) -> bytes:
    """The same rows under other ids: a number before each, so that ids are new but as long."""
    return body if not by else body.replace(ID, ID + b"%d" % (1 + by // 1_000_000))


if __name__ == "__main__":
    main()
