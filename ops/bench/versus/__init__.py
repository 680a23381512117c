"""This store beside others, in one run on the same data: `python -m ops.bench peers`.

Each system is built in a process of its own and searched in another, which waits for commands. Searches
go in rounds, every system in turn, five times, so that other load on the machine affects all alike.
"""
