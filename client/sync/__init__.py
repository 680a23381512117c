"""How does a program that blocks talk to a server?

It is the blocking twin of ``aio``, and ``ops/faces`` writes it; only the transport, its connections and the
threads are its own. A blocking store without a server is in ``api/embedded/blocking``.
"""
