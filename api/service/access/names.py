"""The names of collections and of aliases, which share one name space."""

from __future__ import annotations

import re

COLLECTION_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
