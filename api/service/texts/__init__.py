"""What do callers say of texts: which fields are indexed, and which words to look for?"""

from asteroid_cloud.api.service.texts.definition import (
    TextInfo,
    TextShown,
    asked_text,
    shown_text,
    text_info,
)
from asteroid_cloud.api.service.texts.queries import asked_fusion, asked_query

__all__ = [
    "TextInfo",
    "TextShown",
    "asked_fusion",
    "asked_query",
    "asked_text",
    "shown_text",
    "text_info",
]
