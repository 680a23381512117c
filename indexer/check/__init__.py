"""Is every byte of a store what it should be, and do its parts agree?

This room only looks. What builds an index from the log again is in ``reindex``.
"""
