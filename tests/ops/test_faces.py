"""The blocking faces are what their sources say, and the generator does what it promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ops.faces.modules import CLIENT, MODULES
from ops.faces.passing_on import passing_on
from ops.faces.without_await import Words, without_await

ROOT = Path(__file__).parents[2]
GROUP = '''"""The store's calls of the test."""

from asteroid_cloud.api.embedded.calls import Calls

LIMIT = 3


class ThingCalls(Calls):
    """What there is."""

    async def read(self, id: int) -> int:
        """Reads."""
        return self.told(await self.reads.snapshot(id))  # a comment

    async def write(self, id: int, *, limit: int = LIMIT) -> int:
        """Writes."""
        return await self.engine.write(id, limit)

    async def forget(self, id: int) -> None:
        """Forgets."""
        await self.write(id)

    async def follow(self, since: int = 0) -> AsyncGenerator[int, None]:
        """Follows."""
        async for each in self.engine.changes(since):
            yield each

    async def _inner(self) -> None:
        await self.engine.flush()
'''


def test_the_blocking_modules_are_current() -> None:
    command = [sys.executable, "-m", "ops.faces", "--check"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_every_written_module_says_so() -> None:
    for module in MODULES:
        first = (ROOT / module.target).read_text().splitlines()[0]
        assert first == f"# Written by ops/faces from {module.source}: change that one."


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("async def f():\n    return await g()\n", "def f():\n    return g()\n"),
        ("async with a as b, aclosing(c) as d:\n    pass\n", "with a as b, closing(c) as d:\n    pass\n"),
        ("x = [y async for y in await z]\n", "x = [y for y in z]\n"),
        ("f: AsyncGenerator[list[int], None]\n", "f: Generator[list[int], None, None]\n"),
        ('text = "await AsyncClient"  # AsyncClient\n', 'text = "await AsyncClient"  # Client\n'),
        ('"""An asynchronous client\nawaits."""\n', '"""A blocking client\nawaits."""\n'),
        ("from a.aio.b import AsyncTransport\n", "from a.sync.b import BlockingTransport\n"),
    ],
)
def test_source_without_await(source: str, expected: str) -> None:
    assert without_await(source, CLIENT) == expected


def test_several_lines_are_edited_in_place() -> None:
    words = Words(names={"One": "Two"}, phrases={})
    source = 'async def f(a: One):\n    """One\n    One.\n    """\n    await One(await One())\n'
    assert without_await(source, words) == ('def f(a: Two):\n    """Two\n    Two.\n    """\n    Two(Two())\n')


def test_reads_keep_their_body_and_all_else_is_passed_on() -> None:
    text = passing_on(GROUP, "asteroid_cloud.api.embedded.things")
    assert "from asteroid_cloud.api.embedded.things import LIMIT" in text
    assert "return self.told(await self.reads.snapshot(id))  # a comment" in text
    assert "        return self._loop.run(self._store.write, id, limit=limit)\n" in text
    assert "        self._loop.run(self._store.forget, id)\n" in text
    assert "        yield from self._loop.each(self._store.follow(since))\n" in text
    assert "_inner" not in text
    assert "self.engine" not in text
