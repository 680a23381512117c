"""The benchmark: `make bench` measures this store on real vectors and writes RESULTS.md beside this file.

Each phase runs in a process of its own, so that phases share neither memory nor warm caches.
"""
