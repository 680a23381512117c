"""Other vector stores, and ours, behind one small interface: a file each, and a registry that names them.

A module is imported only in the process that measures its system; what it needs is in the extra `peers`.
"""
