"""Feeds the blocking client's reader of HTTP with damaged answers: only its own errors may come out, soon.

    python -m ops.fuzz.http_reader --cases 100000

Ends with exit status 1 if a case raised something else, gave an answer that nobody sent, or used a
connection again after an answer that was not whole; ``--first N --cases 1`` runs one again.
"""

from __future__ import annotations

import argparse
import socket
import sys
import time
import traceback
from collections import Counter
from random import Random

from asteroid_cloud.client import AsteroidError, RetryPolicy
from asteroid_cloud.client.protocol.calls import Call, Reply, Retry
from asteroid_cloud.client.protocol.retry import Attempts
from asteroid_cloud.client.settings import resolve
from asteroid_cloud.client.sync.connections import Connection, Pool, TimedSocket

BODY = b'{"id":7,"lsn":41}'
WHOLE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Asteroid-LSN: 41\r\nContent-Length: 17\r\n\r\n"
)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{" + b'"id"' + b"\r\nc\r\n:7,"
ANSWERS = [
    WHOLE + BODY,
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + WHOLE + BODY,
    b"HTTP/1.1 204 No Content\r\nX-Asteroid-LSN: 41\r\n\r\n",
    CHUNKED + b'"lsn":41}\r\n0\r\n\r\n',
    b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}",
]
TOKENS = [
    b"\r\n",
    b"\n",
    b"\r",
    b":",
    b" ",
    b"0",
    b"-1",
    b"99999999999999999999",
    b"fffffffff",
    b"\x00",
    b"\xff",
]
TOKENS += [b"chunked", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"HTTP/1.1 100 C\r\n\r\n"]
SECONDS_MAX = 5.0
MANY = 150
"""Of a token, which is more than a reader may take."""


def damaged(rng: Random) -> bytes:
    """An answer with a few bytes lost, replaced, repeated or put in."""
    data = bytearray(rng.choice(ANSWERS))
    for _ in range(rng.choice([0, 1, 1, 2, 4])):
        at, kind = rng.randrange(len(data) + 1), rng.randrange(5)
        if kind == 0:
            del data[at:]
        elif kind == 1:
            del data[at : at + rng.randint(1, 9)]
        elif kind == 2:
            data[at:at] = rng.choice(TOKENS) * rng.choice([1, 1, 1, MANY])
        elif kind == 3:
            data[at : at + 1] = rng.randbytes(1)
        else:
            data[at:at] = data[max(0, at - 30) : at]
    return bytes(data)


class Case:
    """One answer over one connection of a pool of its own."""

    def __init__(self, number: int) -> None:
        self._sent = damaged(Random(number))
        self._settings = resolve(None, "http://127.0.0.1:1", SECONDS_MAX, 1, RetryPolicy())

    def run(self) -> str:
        """The outcome; whatever it raises is a finding."""
        pool, (near, far) = Pool(self._settings), socket.socketpair()
        with near, far:
            far.sendall(self._sent)
            far.shutdown(socket.SHUT_WR)
            call: Call[Reply] = Call("GET", "/", _as_it_is, retry=Retry.NEVER)
            attempts = Attempts(call, self._settings.policy, SECONDS_MAX)
            connection = Connection(self._settings, None)
            connection.http.sock = TimedSocket(near, attempts.deadline)
            began_s = time.monotonic()
            try:
                reply = pool.use(connection, call, attempts, "a case")
            except AsteroidError as error:
                outcome = type(error).__name__
            else:
                outcome = self._judged(reply)
            assert time.monotonic() - began_s < SECONDS_MAX, "it took as long as it may"
            if pool.has_connections:
                assert outcome == "answer", f"a connection is used again after: {outcome}"
            pool.close()
        return outcome

    def _judged(self, reply: Reply) -> str:
        assert len(reply.body) <= len(self._sent), "more came out than went in"
        assert 100 <= reply.status <= 999, f"the status {reply.status}"
        length, coding = reply.headers.get("Content-Length") or "", reply.headers.get("Transfer-Encoding")
        assert not length or (length.isascii() and length.isdigit()), f"the length {length!r}"
        if length and coding is None and reply.status not in (204, 304):
            assert len(reply.body) == int(length), "the body is not whole"
        assert b"\r\n\r\n" in self._sent or b"\n\n" in self._sent or b"\n\r\n" in self._sent, "cut headers"
        return "answer"


def _as_it_is(reply: Reply) -> Reply:
    return reply


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.fuzz.http_reader", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--first", type=int, default=0, help="the first case")
    parser.add_argument("--cases", type=int, default=100_000, help="how many (default 100000)")
    given = parser.parse_args()
    outcomes, failed = Counter[str](), 0
    for number in range(given.first, given.first + given.cases):
        try:
            outcomes[Case(number).run()] += 1
        except Exception:  # noqa: BLE001  (whatever it is, it is a finding)
            failed += 1
            traceback.print_exc()
            print(f"case {number}: {damaged(Random(number))!r:.300}")
            if failed == 20:
                break
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:8,}  {outcome}")
    sys.exit(f"{failed} findings" if failed else 0)


if __name__ == "__main__":
    main()
