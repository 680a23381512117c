"""How does a program use a collection by its name, and what keeps it open meanwhile?"""
