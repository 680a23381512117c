"""What is stored under an id, in a range of ids, or in a field?"""

from asteroid_cloud.query.rows.facets import Path

__all__ = [
    "Path",
]
