"""How do vectors and lists of ids in a body become arrays?"""
