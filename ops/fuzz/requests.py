"""Sends mutated requests over real connections to a server, several at once.

    python -m ops.fuzz.requests --cases 20000

Each case is made of parts of the corpus of ambiguous requests: bytes are flipped, cut out, doubled and moved,
and it arrives in pieces. The server must answer or end the connection in time, and all that it sends must be
whole answers. A request to delete that stands in the body of another may be served only if another reader of
HTTP takes it for one too. The server must stay alive, and its memory bounded. Ends with exit status 1
otherwise; ``--first N --cases 1`` runs one again.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import h11

from asteroid_cloud.api.limits import HEADERS_S_MAX, LINGER_S_MAX, UNREAD_S_MAX
from asteroid_cloud.client import Client
from ops.server import Server
from ops.soak import anonymous_bytes
from tests.support.http_corpus import CHUNKED, CORPUS, ONE_CHUNK, SMUGGLED, get, post
from tests.support.wire_answers import split_answers

MIB = 2**20
BUDGET, GROWTH_MAX = 64 * MIB, 200 * MIB
AT_ONCE = 64
BODY_TIMEOUT_S, NUDGE_S = 0.5, 1.0
DEADLINE_S = BODY_TIMEOUT_S + HEADERS_S_MAX + LINGER_S_MAX + UNREAD_S_MAX
"""Whatever is sent, the server has answered or ended the connection by then."""
FINDINGS_MAX = 20
BYTES_MAX = 100_000
"""Of a case."""
ODD = (
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"0",
    b"-1",
    b"\xff",
    b"\x0b",
)
ODD_HEADERS = (
    b"Content-Length: 0\r\n",
    b"Content-Length: %d\r\n" % len(SMUGGLED),
    CHUNKED,
    b"Connection: close\r\n",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    b"Expect: 100-continue\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Host: localhost\r\n",
)
PARTS = [case.sent.removesuffix(SMUGGLED) for case in CORPUS if len(case.sent) < BYTES_MAX]
GOOD = [case.sent for case in CORPUS if case.served and not case.refused and not case.ends]
GOOD += [get(b"/v1/vectors/7"), post(CHUNKED, ONE_CHUNK), post(b"Content-Length: 2\r\n", b"{}")]
LAST = get(b"/health", b"X-Request-ID: last\r\nConnection: close\r\n")


class Violation(Exception):
    """Something that no request may lead to."""


def mutated(sent: bytes, draw: random.Random) -> bytes:
    """The bytes, changed in one place."""
    at = draw.randrange(len(sent) + 1)
    to = min(len(sent), at + draw.choice((1, 1, 2, 8, 40)))
    line = sent.find(b"\r\n", at) + 2
    match draw.randrange(6):
        case 0:
            return sent[:at] + draw.choice(ODD) + sent[at:]
        case 1:
            return sent[:at] + sent[to:]
        case 2:
            return sent[:to] + sent[at:]
        case 3:
            return sent[:at] + bytes([draw.randrange(256)]) + sent[at + 1 :]
        case 4:
            return sent[:line] + draw.choice(ODD_HEADERS) + sent[line:]
        case _:
            return sent[:at]


def pieces_of(number: int) -> list[bytes]:
    """What case ``number`` sends, in pieces."""
    draw = random.Random(number)
    sent = b"".join(draw.choice(draw.choice((PARTS, GOOD))) for _ in range(draw.choice((1, 1, 2, 3))))
    for _ in range(draw.choice((0, 1, 1, 2, 4))):
        sent = mutated(sent, draw)
    sent += LAST
    cuts = sorted(draw.randrange(len(sent) + 1) for _ in range(draw.choice((0, 1, 3))))
    return [sent[start:end] for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]


def may_delete(sent: bytes) -> bool:
    """Whether another reader of HTTP, h11, finds a request to delete in the bytes too."""
    try:
        while sent := sent.lstrip(b"\r\n"):  # empty lines before a request mean nothing
            reader = h11.Connection(h11.SERVER)
            reader.receive_data(sent)
            event = reader.next_event()
            if isinstance(event, h11.Request) and event.method == b"DELETE":
                return True
            while not isinstance(event, h11.EndOfMessage):
                if event in (h11.NEED_DATA, h11.PAUSED):
                    return False
                event = reader.next_event()
            sent = reader.trailing_data[0]
    except h11.RemoteProtocolError:
        pass
    return False


async def answers_to(place: tuple[str, int], pieces: list[bytes]) -> bytes:
    """What comes back until the server ends the connection; TimeoutError if it does not.

    A server may wait for one more request when the last one of a case became a part of a body.
    """
    reader, writer = await asyncio.open_connection(*place)
    received, nudges = b"", 0
    try:
        async with asyncio.timeout(DEADLINE_S):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            while True:
                try:
                    data = await asyncio.wait_for(reader.read(65_536), NUDGE_S if nudges < 2 else None)
                except TimeoutError:
                    nudges += 1
                    writer.write(LAST)
                    continue
                if not data:
                    return received
                received += data
    except ConnectionError:
        return received
    finally:
        writer.close()


async def run_case(place: tuple[str, int], number: int) -> str:
    """Sends one case; what came of it. Raises Violation."""
    pieces = pieces_of(number)
    try:
        received = await answers_to(place, pieces)
    except TimeoutError as error:
        raise Violation(f"the connection goes on after {DEADLINE_S} s") from error
    try:
        answers = split_answers(received)
    except ValueError as error:
        raise Violation(str(error)) from error
    if any(status == 500 for status, _, _ in answers):
        raise Violation(f"a bug of the server: {received[-300:]!r}")
    is_deleted = any(status == 204 for status, _, _ in answers)
    if is_deleted and not may_delete(b"".join(pieces)):
        raise Violation("a part of a body was taken for a request")
    return "no answer" if not answers else f"the last answer is {answers[-1][0]}"


async def run_all(place: tuple[str, int], first: int, cases: int) -> tuple[Counter[str], list[str]]:
    """All cases, some at once; what came of them, and the findings."""
    outcomes, findings, numbers = Counter[str](), list[str](), iter(range(first, first + cases))

    async def run_some() -> None:
        for number in numbers:
            try:
                outcomes[await run_case(place, number)] += 1
            except (Violation, OSError) as error:
                findings.append(f"case {number}: {error}")

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(run_some())
    return outcomes, findings


def check_server(server: Server) -> None:
    """Raises Violation when it is not as it was before."""
    if server.process.poll() is not None:
        raise Violation("the server has ended")
    memory = anonymous_bytes(server.process.pid)
    if memory > BUDGET + GROWTH_MAX:
        raise Violation(f"{memory // MIB} MiB of anonymous memory")
    with Client(base_url=server.url) as client:
        client.upsert(8, [1.0, 2.0])
        if list(client.get(8).vector) != [1.0, 2.0]:
            raise Violation("it does not store what it is given")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--cases", type=int, default=20_000)
    arguments = parser.parse_args()
    options = ("--dim", "2", "--memory-budget", str(BUDGET), "--log-level", "error")
    options += ("--body-timeout-s", str(BODY_TIMEOUT_S))
    with tempfile.TemporaryDirectory() as base, Server(Path(base) / "store", *options) as server:
        url = urlsplit(server.url)
        place = (str(url.hostname), int(url.port or 0))
        outcomes, findings = asyncio.run(run_all(place, arguments.first, arguments.cases))
        try:
            check_server(server)
        except (Violation, OSError) as error:
            findings.append(f"afterwards: {error}")
    for outcome, count in sorted(outcomes.items()):
        sys.stdout.write(f"{count:8,}  {outcome}\n")
    for finding in findings[:FINDINGS_MAX]:
        sys.stdout.write(f"FINDING  {finding}\n")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
