"""What does a bulk build send, and where is it read from?

*Bulk* is one request that builds the whole index of an empty store. Any other index gets many vectors in
*batches*: see ``protocol/batches``, and ``batch_upload`` in ``aio`` and ``sync``. The public methods of both
ways are in the ``load`` modules there.
"""
