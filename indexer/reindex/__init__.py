"""How is an index built from the log a second time, to be compared or put in the place of the first?

``compare`` only looks. ``run`` and ``install`` change the store: they put a new index in the place of the old
one. ``reindex_into`` makes a new store. The command is ``asteroid wal replay``. ``recovery/index_rebuild``
uses this room when a damaged index keeps a store from opening.
"""
