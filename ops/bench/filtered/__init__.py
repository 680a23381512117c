"""Filtered search at every selectivity, by this store and by others that can filter."""
