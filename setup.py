"""The two compiled modules; everything else about the package is in pyproject.toml."""

import os
from pathlib import Path

from setuptools import Extension, setup

# -ffp-contract=off: results must not depend on whether the compiler fuses a multiply and an add.
FLAGS = ["-std=c++17", "-O3", "-fvisibility=hidden", "-ffp-contract=off", "-Wall", "-Wextra", "-Wno-psabi"]
# Only our own checks turn warnings into errors: another compiler's new warning must not stop an install.
if os.environ.get("ASTEROID_WERROR"):
    FLAGS.append("-Werror")


def extension(name: str, folder: str) -> Extension:
    """One module built from every C++ file of a folder."""
    sources = sorted(str(path) for path in Path(folder).glob("*.cpp"))
    headers = sorted(str(path) for path in Path(folder).glob("*.hpp"))
    return Extension(
        name, sources, depends=headers, extra_compile_args=FLAGS, extra_link_args=["-pthread"], language="c++"
    )


setup(
    ext_modules=[
        extension("asteroid_cloud.indexer._core", "indexer/native"),
        extension("asteroid_cloud.api._wire", "api/native"),
    ]
)
