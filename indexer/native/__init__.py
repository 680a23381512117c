"""Which work is done in C++, and how is it called?"""

__all__ = [
    "core",
]
