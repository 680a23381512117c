"""How does a store open, and what is done about one that does not?"""
