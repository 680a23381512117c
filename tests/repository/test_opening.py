"""Files are opened in one place, which follows no link, waits for no FIFO and reads nothing of unknown size.

That place is ``wal/disk/regular_file``. The file layer and ``read_named`` come to it; everybody else comes to
them. Whoever opens a file by its name without it is in ``ALLOWED``, with the reason.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("wal", "indexer", "query", "api", "client")
FUNCTIONS = re.compile(
    r"(os|io)\.open|open|aiofiles\.open|np\.(load|memmap|fromfile|save|savez|loadtxt)|"
    r"tempfile\.\w*(File|mkstemp)|TemporaryFile|NamedTemporaryFile|mkstemp|shutil\.\w+"
)
METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "tofile"}
MODE = re.compile(r"[rwaxbt+]+")
CALLER = "a file of the program that calls, read in its own process"
ALLOWED: dict[str, tuple[int, str]] = {
    "wal/disk/regular_file.py": (1, "the one place"),
    "wal/disk/local_lock.py": (2, "folders, for their locks; who holds one, without a link and only to lock"),
    "wal/disk/local_files.py": (1, "a folder, to sync it"),
    "wal/disk/named_change.py": (1, "a folder, to sync it"),
    "api/wire/bulk_stream.py": (1, "a temporary file without a name"),
    "api/service/process_info.py": (1, "/proc, which is the kernel's"),
    "api/embedded/rows/bulk_rows.py": (2, CALLER),
    "client/bulk/file_rows.py": (3, f"{CALLER}; the client shares no code with the server"),
    "client/inherited.py": (1, "/dev/null"),
}
NATIVE_ALLOWED: dict[str, tuple[int, str]] = {
    "indexer/native/parts/segment.cpp": (2, "a segment that was checked; no link, no FIFO, a regular file"),
    "indexer/native/scratch/scratch_file.cpp": (1, "a scratch file without a name"),
    "indexer/native/postings/file_index.cpp": (1, "a text index that was checked; likewise"),
}


def named(function: ast.expr) -> str:
    """How a function is called: ``os.open``."""
    if isinstance(function, ast.Attribute):
        return f"{named(function.value)}.{function.attr}"
    return function.id if isinstance(function, ast.Name) else ""


def openings(path: Path) -> Iterator[int]:
    """The lines on which a file is opened by its name."""
    tree = ast.parse(path.read_text())
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    own |= {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if node.module and node.module.startswith("asteroid_cloud")
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = named(node.func)
        mode = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        is_path_open = name.endswith(".open") and isinstance(mode, str) and MODE.fullmatch(mode)
        is_method = isinstance(node.func, ast.Attribute) and node.func.attr in METHODS
        if (FUNCTIONS.fullmatch(name) and name not in own) or is_path_open or is_method:
            yield node.lineno


def test_only_one_place_opens_files_by_their_name() -> None:
    paths = [path for layer in LAYERS for path in (ROOT / layer).rglob("*.py")]
    found = Counter({str(path.relative_to(ROOT)): len(list(openings(path))) for path in paths})
    assert +found == Counter({path: count for path, (count, _) in ALLOWED.items()})


def test_native_code_opens_segments_only() -> None:
    paths = [path for layer in LAYERS for path in (ROOT / layer).rglob("*.[ch]pp")]
    opening = re.compile(r"(?<![\w.])(open|fopen|openat)\(|\b[io]?fstream\b")
    found = Counter({str(path.relative_to(ROOT)): len(opening.findall(path.read_text())) for path in paths})
    assert +found == Counter({path: count for path, (count, _) in NATIVE_ALLOWED.items()})
    for name in ("parts/segment.cpp", "postings/file_index.cpp"):
        for line in (ROOT / "indexer/native" / name).read_text().splitlines():
            assert "open(" not in line or "O_NOFOLLOW | O_NONBLOCK" in line


def test_an_opening_is_seen(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    for text in (
        "open('x')",
        "os.open('x', 0)",
        "path.open('rb')",
        "Path('x').read_text()",
        "(folder / 'x').write_bytes(b'')",
        "np.load(path, mmap_mode='r')",
        "tempfile.NamedTemporaryFile()",
        "shutil.copy('a', 'b')",
    ):
        source.write_text(f"def f():\n    {text}\n")
        assert list(openings(source)) == [2], text
    source.write_text(
        "from asteroid_cloud.api import open\nopen('s')\nEngine.open('s')\nfiles.open_read('s')"
    )
    assert list(openings(source)) == []
