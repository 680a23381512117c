"""Writes the blocking faces from the asynchronous ones: ``make faces``, or ``python -m ops.faces [--check]``.

A program meets the store through four faces: ``Store`` and ``BlockingStore`` in its own process,
``AsyncClient`` and ``Client`` over HTTP. Each asynchronous face is written by hand and is the only
description of its calls. What blocks is derived from it.
"""
