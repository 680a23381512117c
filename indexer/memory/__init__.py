"""How much memory may each part use, and what fits in it?"""
