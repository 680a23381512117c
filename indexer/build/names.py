"""What rows are called while a segment is built: each by a number.

That is its id, where ids are integers. Where they are strings it is the row's place among the rows of all
sources, and a list of the strings by these places goes with the build.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from asteroid_cloud.indexer.build.source import Source
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.native import core


def numbered(spec: IndexSpec, sources: Sequence[Source]) -> list[Source]:
    """The sources, each with the place of its first row if rows are to be called by their places."""
    if not spec.has_string_ids:
        return list(sources)
    placed, place = [], 0
    for source in sources:
        placed.append(replace(source, first_place=place))
        place += len(source.ordinals)
    return placed


def names_of(spec: IndexSpec, sources: Sequence[Source]) -> core.NameList | None:
    """The strings of all rows by their places; None where ids are integers.

    They are read where they lie: 20 bytes a row of RAM, whatever their lengths.
    """
    if not spec.has_string_ids:
        return None
    names = core.NameList()
    for source in sources:
        names.take(source.part.native, source.ordinals)
    return names
