"""The benchmark: `make bench` measures this store on real vectors and writes RESULTS.md beside this file.

Each phase runs in a process of its own, so that no phase's memory or warm caches are another's.
"""
