"""A filter by the columns of a segment alone: where payloads need not be read.

Each test of the filter becomes a verdict, a pair of sets of rows: those that match for certain, and those
that may. What lies between the two is left to the payloads themselves.
"""

from __future__ import annotations

import numpy as np

from asteroid_cloud.indexer import Columns
from asteroid_cloud.query.filters.tree import And, Field, Node, Not, Or
from asteroid_cloud.query.selection.column_tests import OpenedColumns, PathTests
from asteroid_cloud.query.selection.column_verdicts import Verdict, joined
from asteroid_cloud.query.work import UNBOUNDED, Work


def filter_by_columns(node: Node, columns: Columns, work: Work = UNBOUNDED) -> Verdict:
    """The rows that match, as far as the columns tell; raises what ``work`` does."""
    return _verdict(node, OpenedColumns(columns, work))


def _verdict(node: Node, columns: OpenedColumns) -> Verdict:
    match node:
        case Field(path, test):
            return PathTests(columns, path).verdict(test)
        case Not(part):
            return _verdict(part, columns).inverted()
        case And(parts):
            found = (_verdict(part, columns) for part in parts)
            return joined(np.logical_and, found, columns.rows, empty=True)
        case Or(parts):
            found = (_verdict(part, columns) for part in parts)
            return joined(np.logical_or, found, columns.rows, empty=False)
