"""How does the server listen, who may come in, and how much may they send?"""
