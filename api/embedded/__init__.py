"""How does a program use a store inside its own process?

This room is for programs that await; ``blocking`` has the same calls for programs that block. ``load`` has
both ways to store many vectors: in batches, and as a bulk build of an empty store. For a store on a server
there is the client.
"""
