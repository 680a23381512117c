"""Which fields does a collection index as text?"""
