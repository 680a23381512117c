"""The native core: SQ8 records, the tail, the graph and its segments, and the search over them.

Arguments are checked: ValueError names what does not fit. An array of another type or layout is converted.
What takes long releases the GIL.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NAME_BYTES_MAX: Final[int]
"""Bytes of an id that is a string, in UTF-8."""
KEY_BYTES: Final[int]
LONG_KEY_BYTES: Final[int]
"""Bytes of a string that are its key in a column."""
TAG_NULL: Final[float]
"""The numbers of a tag column: what a value is that has no column of its own."""
TAG_FALSE: Final[float]
TAG_TRUE: Final[float]
TAG_ARRAY: Final[float]
TAG_OBJECT: Final[float]
LINK_STEPS: Final[int]
"""Steps of progress that linking a row at once with others takes; joining it takes one more."""
LINKS_MAX_MAX: Final[int]
"""Links that a node may have on the upper levels; on the ground twice as many."""
ROWS_MAX: Final[int]
"""Rows of a segment."""
SCRATCH_PREFIX: Final[str]
"""How the name of a scratch file begins, where the file system knows no nameless files."""
SECTION_ALIGN: Final[int]
"""Each section of a segment's file begins at a multiple of this."""
TOP_NODES_MAX: Final[int]
"""Nodes of a graph's highest level, all of which are measured at the beginning of a walk."""
RECORD_HEADER_BYTES: Final[int]
"""Bytes of a record before its codes."""
NO_COLUMN: Final[int]
"""Ends the list of the columns whose values a record keeps apart."""
WALK_COST: Final[int]
"""What a row measured on a walk costs, in rows measured by a scan."""
SPARSE_SHARE: Final[float]
"""Share of matching rows below which the ef of a walk grows as the share falls."""

ANALYSER_VERSION: Final[int]
"""Of how words are found in texts; raised whenever the same text gives other words or stems."""
UNICODE_VERSION: Final[str]
"""Of the character database that this is done by."""
TEXT_LANGUAGES: Final[list[str]]
"""Languages that words can be stemmed in."""
TEXT_FIELDS_MAX: Final[int]
"""Fields of one text index."""

class Metric:
    """How near two vectors are; smaller is nearer."""

    l2: Metric
    cosine: Metric
    ip: Metric

class DamagedSegment(RuntimeError):
    """A segment's file no longer holds what was checked when it was opened."""

class Part:
    """Records by ordinal. A list of ordinals raises IndexError when one of them is no row.

    Ids are uint64, or where they are names, an array of objects that are each a str of 1 to 512 bytes.
    """

    @property
    def dim(self) -> int: ...
    @property
    def rows(self) -> int: ...
    @property
    def vector_rows(self) -> int:
        """The first rows, which have records; the others have ids alone."""
    def ids(self, ordinals: NDArray[np.uint32]) -> NDArray[Any]:
        """The id of each; raises DamagedSegment."""
    def first_ids(self, rows: int) -> NDArray[Any]:
        """The ids of the first ``rows`` rows."""
    def vectors(self, ordinals: NDArray[np.uint32]) -> NDArray[np.float32]:
        """The dequantised vectors."""
    def encoded(self, ordinals: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """Records, each with its residual if the index keeps one, as ``encode`` gives them."""

class Rows(Part):
    """Rows in memory, in the order in which they were written. One thread appends while others read."""

    def __init__(
        self,
        dim: int,
        metric: Metric,
        fine: bool,
        capacity: int,
        outliers: int = 0,
        has_names: bool = False,
    ) -> None: ...
    @property
    def capacity(self) -> int: ...
    @property
    def name_bytes(self) -> int:
        """Memory of all names."""
    def append(
        self, ids: NDArray[Any], encoded: NDArray[np.uint8], bare: NDArray[np.bool_] | None = None
    ) -> int:
        """Returns the row of the first; whatever is raised, nothing has changed.

        Of rows that ``bare`` says have no vector, ``encoded`` has no record.
        """
    def find(self, ids: NDArray[Any], visible: int) -> NDArray[np.int64]:
        """The newest row of each id among the first ``visible`` ones, or -1."""

class Segment(Part):
    """A mapped graph file. Sections of ``layout``: nodes, fine, ids, by_id (offsets), rows, links_max,
    upper, a list of (offset of the links, nodes), and where ids are names, names: the offset of their ends,
    and the offset and the bytes of their text and of their filter.

    Raises OSError when the file cannot be mapped, ValueError when a section lies outside of it.
    """

    def __init__(
        self,
        path: str,
        dim: int,
        metric: Metric,
        fine: bool,
        layout: dict[str, object],
        outliers: int = 0,
    ) -> None: ...
    @property
    def mapped_bytes(self) -> int: ...
    @property
    def cached_bytes(self) -> int:
        """Bytes of the file that are in memory now."""
    def find(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """The row of each id, or -1; raises DamagedSegment."""
    def warm(self) -> None:
        """Reads the whole file into memory."""
    def release(self, offset: int, length: int) -> None:
        """Lets go of the memory of a part of the file."""

def first_bad_node(nodes: NDArray[np.uint8], list_at: int, links_max: int, rows: int) -> int:
    """The first of whole nodes that has too many links, or one to no row; -1 when there is none."""

def first_in_order(
    part: Part, visible: int, mask: NDArray[np.uint8] | None, after: str | None, wanted: int
) -> tuple[NDArray[np.uint32], int]:
    """The rows of the mask, or of all, with the least names greater than ``after``, in order.

    At most ``wanted``; and how many rows were looked at. Raises DamagedSegment.
    """

def filter_bytes(names: int) -> int:
    """Bytes of the filter of a segment with so many names."""

class NameCheck:
    """Checks the text of a segment's names, a piece after the other: that they are names, in order."""

    def __init__(self, ends: NDArray[np.uint64]) -> None: ...
    def feed(self, piece: bytes) -> bool:
        """False once something is wrong."""
    @property
    def is_whole(self) -> bool:
        """Whether the text ended where the last name does."""

class NameList:
    """The names of rows that a segment is built of, by the places of these rows.

    Names that are copied lie in memory, or with a ``folder`` in a nameless file there, which raises OSError
    when there is no room.
    """

    def __init__(self, text_bytes: int = 0, folder: str = "") -> None: ...
    @property
    def rows(self) -> int: ...
    def take(self, part: Part, ordinals: NDArray[np.uint32]) -> None:
        """Takes those of some rows of a part; raises DamagedSegment."""
    def append(self, names: NDArray[Any]) -> None:
        """Copies names; there must be room for them."""
    def order(self) -> NDArray[np.uint32]:
        """The places in the order of their names; raises DamagedSegment when two are equal."""
    def text(self, places: NDArray[np.uint32]) -> tuple[bytes, NDArray[np.uint32]]:
        """The names of some places, one after the other, and their lengths."""
    def filter(self) -> bytes:
        """A Bloom filter of all."""

class Cancelled(Exception):
    """The work was wanted no longer."""

class ColumnKind:
    """What the values of a column are."""

    tag: ColumnKind
    number: ColumnKind
    string: ColumnKind
    length: ColumnKind
    instant: ColumnKind
    date: ColumnKind
    @property
    def name(self) -> str: ...

class ColumnName:
    """A column of a Shredder, see ``Shredder.path``."""

    @property
    def kind(self) -> ColumnKind: ...

class SortedColumn:
    """A column in the order of its keys, in groups; step it until it is sorted, and only then look at it."""

    def step(self, entries: int) -> bool:
        """Goes on with so many entries, or with all that are in memory; false when everything is sorted."""
    def __len__(self) -> int:
        """How many entries there are."""
    def rows(self, start: int, stop: int) -> NDArray[np.uint32]:
        """The rows of some entries; ascending within a key."""
    def prints(self, start: int, stop: int) -> NDArray[np.uint8]:
        """A fingerprint of each one's whole string."""
    @property
    def has_prints(self) -> bool:
        """Whether readers need them: of strings with sparse keys."""
    @property
    def is_exact(self) -> bool:
        """Whether each group has one key."""
    @property
    def is_crowded(self) -> bool:
        """Whether more than 1,024 entries share one key though their strings differ."""
    @property
    def numbers(self) -> NDArray[np.float64]:
        """The keys, unless they are strings."""
    @property
    def text(self) -> bytes:
        """The keys of strings, one after the other."""
    @property
    def ends(self) -> NDArray[np.uint32]:
        """Where each of these ends."""
    @property
    def starts(self) -> NDArray[np.uint32]:
        """Where each group starts, then how many entries there are."""

def fingerprint(text: bytes) -> int:
    """A byte that tells most texts apart."""

class TextList:
    """Many strings, each once and in ascending order, to be looked up in columns."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Copies them as UTF-8."""
    def __len__(self) -> int: ...
    def fingerprints(self) -> NDArray[np.uint8]:
        """That of each string."""
    def places_in(
        self, keys: bytes, ends: NDArray[np.int64], key_bytes: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The last key that is not above each string, cut to ``key_bytes``, or -1; and whether it is equal.

        ``keys`` stand one after the other, ascending, and ``ends`` says where each ends; one at least.
        """

def moment_of(text: str) -> tuple[float, bool, bool] | None:
    """The second that a date or time of RFC 3339 names, whether it has an offset, and whether it is whole.

    Seconds are counted from the day before 0001-01-01. A whole one is followed by neither a fraction nor a
    leap second.
    """

class Shredder:
    """Takes payloads apart into columns, in memory of about ``bytes_max``.

    What is beyond goes into a scratch file in ``folder``; OSError when there is no room.
    """

    def __init__(
        self, paths_max: int, depth_max: int, bytes_max: int, folder: str, key_bytes: int = KEY_BYTES
    ) -> None:
        """Keys of strings are cut to ``key_bytes``."""
    def want_only(self, columns: Sequence[tuple[tuple[list[str], bool], ColumnKind]]) -> None:
        """Makes these columns only; before the first payload."""
    def add(self, texts: list[bytes]) -> None:
        """The payloads of the next rows; b"" has no fields."""
    def settle(self) -> None:
        """After the last row: leaves the memory to columns that are sorted."""
    def take(self, name: ColumnName, exact_max: int, whole_max: int) -> SortedColumn:
        """To be sorted; with sparse keys if there are more than ``exact_max`` different ones.

        Those of which nearly all are whole values, not strings that were cut, may be ``whole_max``.
        """
    def path(self, name: ColumnName) -> tuple[list[str], bool]:
        """The names from the root to the values, and whether these are elements of an array there."""
    @property
    def columns(self) -> list[ColumnName]: ...
    @property
    def unindexed(self) -> NDArray[np.uint32]:
        """Rows that the columns do not describe."""
    @property
    def is_complete(self) -> bool:
        """Whether no path was left out."""

class Projection:
    """Some fields of JSON objects. Each path is the names of members from the root, at least one."""

    def __init__(self, paths: Sequence[Sequence[str]]) -> None: ...
    def apply(self, texts: list[bytes]) -> list[bytes]:
        """Of each object what it has at the paths, in its order, the texts of values as they are.

        What a path does not lead to is left out, and so is an object in which nothing is left. Arrays are not
        entered. Raises ValueError for what is no JSON object.
        """

class Progress:
    """How far long work is; ``is_wanted`` is asked now and then whether it shall go on."""

    def __init__(self, is_wanted: Callable[[], bool]) -> None: ...
    @property
    def done(self) -> int:
        """Steps."""
    @property
    def checks(self) -> int:
        """How many times the work has asked whether it shall go on; it calls ``is_wanted`` more seldom."""

class GraphBuilder:
    """Rows with their links before they are a segment, in memory or in a scratch file in ``folder``.

    Raises OSError when there is no room.
    """

    def __init__(
        self,
        dim: int,
        metric: Metric,
        fine: bool,
        capacity: int,
        links_max: int,
        folder: str,
        outliers: int = 0,
    ) -> None: ...
    @property
    def rows(self) -> int: ...
    @property
    def node_bytes(self) -> int: ...
    @property
    def links_max(self) -> int: ...
    @property
    def repaired(self) -> int:
        """Nodes that ``finish`` had to give a way in."""
    def append(self, ids: NDArray[np.uint64], encoded: NDArray[np.uint8]) -> None: ...
    def rename(self, first: int, ids: NDArray[np.uint64]) -> None:
        """Gives the rows from ``first`` on other ids, one each."""

    def adopt(self, segment: Segment, ordinals: NDArray[np.uint32], threads: int, progress: Progress) -> None:
        """Takes rows of a segment over, in ascending order, with the links between them."""
    def link_by_insertion(self, ef_construction: int, threads: int, progress: Progress) -> None:
        """Links all rows one by one, as HNSW does."""
    def link_all(self, first: int, threads: int, progress: Progress) -> None:
        """Links the rows from ``first`` on among themselves, all at once."""
    def join(self, first: int, threads: int, progress: Progress) -> None:
        """Joins the graph of the rows from ``first`` on to that of the rows before."""
    def finish(self, threads: int, progress: Progress) -> None:
        """Makes every node reachable, orders the nodes and links the upper levels."""
    def nodes(self, first: int, n: int) -> NDArray[np.uint8]:
        """Nodes as a file has them, in the final order; after ``finish``, as all that follows."""
    def fine(self, first: int, n: int) -> NDArray[np.uint8]: ...
    def ids(self) -> NDArray[np.uint64]: ...
    def upper(self) -> list[tuple[int, NDArray[np.uint32]]]:
        """Nodes and links of each level above the ground, the lowest first."""

class Allowance:
    """How many steps a read may take and for how long, and whether it is still wanted; for any thread."""

    def __init__(self, steps_max: int, seconds: float) -> None: ...
    def spend(self, steps: int) -> None:
        """Counts steps; raises Cancelled beyond ``steps_max``, after ``seconds``, and once cancelled."""
    def restart(self, seconds: float) -> None:
        """Gives it so much time from now on; while nobody works."""
    def cancel(self) -> None: ...
    @property
    def is_cancelled(self) -> bool: ...
    @property
    def is_late(self) -> bool: ...
    @property
    def spent(self) -> int: ...
    @property
    def steps_max(self) -> int: ...

def available_kernels() -> list[str]:
    """The kernels that this processor can run, fastest first."""

def kernels() -> str:
    """The ones in use."""

def use_kernels(name: str) -> None: ...
def dot_codes(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> int: ...
def dot_four_codes(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> list[int]: ...
def measure_codes(
    query: NDArray[np.float32],
    codes: NDArray[np.uint8],
    fine: NDArray[np.uint8] | None,
    offset: float,
    scale: float,
) -> tuple[float, float, float]:
    """Dot product and squared norm of a dequantised vector, and its squared distance from ``query``."""

def record_bytes(dim: int, outliers: int = 0) -> int: ...
def row_bytes(dim: int, fine: bool, outliers: int = 0) -> int: ...
def node_bytes(dim: int, links_max: int, outliers: int = 0) -> int: ...
def encode(vectors: NDArray[np.float32], metric: Metric, fine: bool, outliers: int = 0) -> NDArray[np.uint8]:
    """A row of bytes for each vector; under l2, up to ``outliers`` values of it are kept apart as floats."""

def all_finite(values: NDArray[np.float32]) -> bool: ...

class PartPlans:
    """What is to be searched, each: part, visible rows, mask of them or None, rows in it, whether to scan."""

    def __init__(self, parts: Sequence[tuple[Part, int, NDArray[np.uint8] | None, int, bool]]) -> None: ...

def search(
    parts: PartPlans,
    queries: NDArray[np.float32],
    k: int,
    ef: int,
    exact: bool,
    threads: int,
    bounds: bool = False,
    allowance: Allowance | None = None,
) -> tuple[
    NDArray[Any],
    NDArray[np.float64],
    NDArray[np.uint32],
    NDArray[np.uint32],
    NDArray[np.uint32],
    NDArray[np.uint64],
    NDArray[np.uint32],
    NDArray[np.float64] | None,
]:
    """Ids, distances, parts, ordinals, a row a query; how many it found, rows measured, parts rescanned.

    With ``bounds`` also the error bound of each; see ``Hits.error_bounds``. Raises Cancelled when the
    allowance does, which is told of every component that is measured, and DamagedSegment.
    """

def most_diverse(
    vectors: NDArray[np.float32],
    scores: NDArray[np.float64],
    k: int,
    weight: float,
    metric: Metric,
    cost: int,
    allowance: Allowance | None = None,
) -> NDArray[np.uint32]: ...
def words(text: bytes, language: str = "") -> list[bytes]:
    """The words of a text in UTF-8, in order; their stems, where a language is given."""

class GrowingRun:
    """The text index of neighbouring rows, in RAM, for fields given as (names that lead there, language)."""

    def __init__(self, fields: Sequence[tuple[Sequence[str], str]], first: int) -> None: ...
    @property
    def rows(self) -> int: ...
    @property
    def ram_bytes(self) -> int:
        """RAM that it takes, about."""
    def add(self, texts: list[bytes], first: int, bytes_max: int) -> int:
        """Adds payloads from ``texts[first]`` on until it is full; gives how many it has taken."""
    def sections(
        self,
    ) -> tuple[int, bytes, bytes, bytes, bytes, list[tuple[int, bytes]]]:
        """(terms, groups, words, postings, positions, [(bytes of each length, lengths) …])."""

class TextIndex:
    """The words of a part's payloads."""

    @property
    def rows(self) -> int: ...

class TailTextIndex(TextIndex):
    """One that grows; for any number of threads."""

    def __init__(self, fields: Sequence[tuple[Sequence[str], str]]) -> None: ...
    def extend(self, first: int, texts: list[bytes]) -> None:
        """Adds the payloads of the rows from ``first`` on; rows that it has are passed over."""
    @property
    def ram_bytes(self) -> int:
        """RAM that it takes, about."""

class FileTextIndex(TextIndex):
    """One in a file that was checked, which is mapped."""

    def __init__(self, path: str, fields: int, rows: int, runs: Sequence[tuple[object, ...]]) -> None: ...

def search_text(
    parts: Sequence[
        tuple[TextIndex, Part, int, NDArray[np.uint8] | None, int, NDArray[np.uint8] | None, int]
    ],
    terms: Sequence[tuple[bytes, int, int, float]],
    phrases: Sequence[Sequence[tuple[bytes, int]]],
    needs_all: bool,
    k: int,
    counts: bool = False,
    allowance: Allowance | None = None,
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.uint32], NDArray[np.uint32], int, int]:
    """The k rows with the highest BM25 scores: (ids, scores, parts, ordinals, matches, postings looked at).

    A part is (index, rows, how many are seen, bits of the living, how many are dead, bits of those that may
    be found, how many these are). A term is (name, field, number of the different word, weight). Raises
    Cancelled, DamagedSegment.
    """
