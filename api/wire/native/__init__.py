"""How does a large JSON body become columns, in C++?"""

__all__ = [
    "core",
]
