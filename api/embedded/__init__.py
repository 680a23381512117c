"""How does a program use a store inside its own process?"""
