"""How is it seen to that a request with a key is done once?"""
