"""What the steps of a read cost, in one unit, so that estimates and bounds can be added up and compared.

The unit is a component: one number of one vector, measured by a scan. Sixteen thousand million of them take
about a second of one processor. The costs are rounded up from what was measured, and the same on every
machine, so that a read is refused everywhere or nowhere.
"""

from __future__ import annotations

COMPONENTS_A_SECOND = 16_000_000_000

RECORD = 2_000
"""Finding one id, or handing over one vector or payload that was read."""
READING = 400_000
"""Reading payloads from one place on the disk, and unpacking them: about 25 µs."""
UNPACKED_BYTE = 24
"""The same for each byte of payloads that are read in the order of the disk."""
PROJECTED_BYTE = 24
"""Looking through one byte of a payload for the fields that are wanted."""
PAYLOAD_BYTE = 60
"""Decoding one byte of a payload: half a nanosecond for texts, 4 for numbers, more for empty lists."""
ELEMENT_BYTE = 100
"""Making a set of the elements of an array, for each byte of it."""
NODE = 4_000
"""One predicate of a filter on one payload: about 250 ns."""
POSTING = 16
"""Looking at one place of a text index: a nanosecond or two, as the native core reports it."""
POSTING_SHARE = 0.1
"""Of the rows, about as many have a word that is looked for."""
COLUMN_ROW = 40
"""One predicate on one row of columns: some operations of numpy on bytes."""
COLUMN = 800_000
"""Opening a column: about 50 µs."""
SCANNED_BYTE = 1_600
"""Looking through a text for an expression, for each byte of the payload: 1 ns as a rule, 100 at worst."""
VALUE_BYTE = 100
"""Counting or comparing the values of a field, for each byte of the payload."""


def seconds_of(components: float) -> float:
    """About how long so many components take one processor."""
    return components / COMPONENTS_A_SECOND
