"""How does a program that blocks use a store inside its own process?

The groups of calls are written by ``ops/faces`` from those of the asynchronous store. ``client/sync`` has the
same methods for a store on a server.
"""
