"""The packages and the two compiled modules; everything else about the distribution is in pyproject.toml."""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

sys.path.insert(0, str(Path(__file__).resolve().parent / "ops" / "build"))
from sources import libstemmer

# -ffp-contract=off: results must not depend on whether the compiler fuses a multiply and an add.
FLAGS = ["-std=c++17", "-O3", "-fvisibility=hidden", "-ffp-contract=off", "-Wall", "-Wextra", "-Wno-psabi"]
# Only our own checks turn warnings into errors: another compiler's new warning must not stop an install.
if os.environ.get("ASTEROID_WERROR"):
    FLAGS.append("-Werror")
LINK_FLAGS = ["-pthread"]
OPTIONS = {}
if os.environ.get("ASTEROID_SANITIZE"):  # see ops/sanitize.py
    SANITIZE = ["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"]
    FLAGS += [*SANITIZE, "-O1", "-g", "-fno-omit-frame-pointer", "-D_GLIBCXX_ASSERTIONS"]
    FLAGS.append("-DNO_MANUAL_VECTORIZATION")  # hnswlib's prefetches look at what lies behind a full list
    LINK_FLAGS += SANITIZE
    # Objects of two kinds must not meet: setuptools goes by their dates alone.
    OPTIONS = {"build": {"build_base": "build/sanitize/objects"}}


class BuildExtensions(build_ext):
    """Compiles the C of others as C, without the flags and the warnings that are meant for our C++."""

    def build_extensions(self) -> None:
        """As setuptools does."""
        compile_one = self.compiler._compile

        def compile_source(obj, src, ext, cc_args, extra_postargs, pp_opts):
            if ext == ".c":
                extra_postargs = [flag for flag in extra_postargs if not flag.startswith(("-std=", "-W"))] + [
                    "-w"
                ]
            compile_one(obj, src, ext, cc_args, extra_postargs, pp_opts)

        self.compiler._compile = compile_source
        super().build_extensions()


LAYERS = ("wal", "indexer", "query", "api", "client")


def packages() -> list[str]:
    """Every folder with an ``__init__.py``, as a package of ``asteroid_cloud``."""
    folders = [path.parent for layer in LAYERS for path in Path(layer).rglob("__init__.py")]
    return sorted(".".join(["asteroid_cloud", *folder.parts]) for folder in folders)


def stemmer_sources(folder: Path) -> list[str]:
    """The C of libstemmer: its runtime, and every language that texts are stemmed in."""
    found = [*folder.glob("src_c/stem_UTF_8_*.c"), *folder.glob("runtime/*.c")]
    return sorted(map(os.path.relpath, [*found, folder / "libstemmer" / "libstemmer_utf8.c"]))


def extension(folder: str, *roots: str, others: tuple[str, ...] = ()) -> Extension:
    """The module ``core`` of a folder: all C++ files below it, which include files below ``roots``.

    ``others`` are sources from elsewhere.
    """
    sources = sorted(str(path) for path in Path(folder).rglob("*.cpp"))
    included = sorted(str(path) for root in (folder, *roots) for path in Path(root).rglob("*.[ch]pp"))
    return Extension(
        f"asteroid_cloud.{folder.replace('/', '.')}.core",
        [*sources, *others],
        depends=["setup.py", *included],
        include_dirs=[folder, *roots],
        extra_compile_args=FLAGS,
        extra_link_args=LINK_FLAGS,
        language="c++",
    )


STEMMER = libstemmer()
STEMMER_INCLUDES = (os.path.relpath(STEMMER / "include"),)

setup(
    options=OPTIONS,
    packages=packages(),
    ext_modules=[
        extension("indexer/native", *STEMMER_INCLUDES, others=tuple(stemmer_sources(STEMMER))),
        extension("api/wire/native", "indexer/native"),
    ],
    cmdclass={"build_ext": BuildExtensions},
)
