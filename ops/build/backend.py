"""The build backend: setuptools, after the sources of others that the build needs have been fetched.

See ``sources``. The headers of hnswlib and pybind11 go on CPLUS_INCLUDE_PATH, which compilers treat as system
headers, so our warnings-as-errors do not apply to them.
"""

from __future__ import annotations

import os
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  (a backend is its module's names)
from sources import hnswlib, libstemmer


def _prepare() -> None:
    import pybind11

    libstemmer()  # setup.py looks for it; fetched here, where pip's settings still hold
    paths = [str(hnswlib()), pybind11.get_include(), os.environ.get("CPLUS_INCLUDE_PATH", "")]
    os.environ["CPLUS_INCLUDE_PATH"] = os.pathsep.join(path for path in paths if path)


def build_wheel(
    wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None
) -> str:
    """PEP 517: build a wheel."""
    _prepare()
    return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(
    wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None
) -> str:
    """PEP 660: build an editable wheel."""
    _prepare()
    return build_meta.build_editable(wheel_directory, config_settings, metadata_directory)
