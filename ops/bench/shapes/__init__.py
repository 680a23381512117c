"""The recall laboratory: every shape of data in every state of a store, beside the exact answer."""
