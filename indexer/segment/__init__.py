"""Which files hold a sealed segment, and how are they read and written?"""

from asteroid_cloud.indexer.segment.column_file import KEY_BYTES

__all__ = [
    "KEY_BYTES",
]
