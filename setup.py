"""The two compiled modules; everything else about the package is in pyproject.toml."""

import os
from pathlib import Path

from setuptools import Extension, setup

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


def extension(name: str, folder: str) -> Extension:
    """One module built from every C++ file of a folder."""
    sources = sorted(str(path) for path in Path(folder).glob("*.cpp"))
    depends = ["setup.py", *sorted(str(path) for path in Path(folder).glob("*.hpp"))]
    return Extension(
        name, sources, depends=depends, extra_compile_args=FLAGS, extra_link_args=LINK_FLAGS, language="c++"
    )


setup(
    options=OPTIONS,
    ext_modules=[
        extension("asteroid_cloud.indexer._core", "indexer/native"),
        extension("asteroid_cloud.api._wire", "api/native"),
    ],
)
