"""Which pages under ``docs/`` are written from the code?

``make docs`` writes them. A test compares them with the code, so that a setting, an error code or a limit
cannot change without its page.
"""
