"""How does the API describe itself?"""
