"""Which fields of payloads are indexed as text, and how are their words found?"""
