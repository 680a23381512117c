"""How does a program that awaits talk to a server?

One module for each group of calls, on one transport. ``sync`` is written from these by ``ops/faces``.
"""
