"""Answers as they come over a connection, one behind the other."""

from __future__ import annotations

import re

STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def split_answers(received: bytes) -> list[tuple[int, bytes, bytes]]:
    """Status, head and body of each; interim answers are left out. Raises ValueError for anything else.

    Answers in chunks are not understood, and one to HEAD would be taken for half of one.
    """
    answers = []
    while received:
        found = STATUS_LINE.match(received)
        head, end, rest = received.partition(b"\r\n\r\n")
        if found is None or not end:
            raise ValueError(f"this is no answer: {received[:200]!r}")
        status = int(found[1])
        if status < 200:
            received = rest
            continue
        length = LENGTH.search(head + end)
        size = int(length[1]) if length else 0
        if len(rest) < size:
            raise ValueError(f"half an answer: {received[:200]!r}")
        answers.append((status, head, rest[:size]))
        received = rest[size:]
    return answers


def statuses_of(received: bytes) -> list[int]:
    """The statuses of all answers."""
    return [status for status, _, _ in split_answers(received)]
