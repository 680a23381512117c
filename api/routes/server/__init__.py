"""Which calls speak of the server as a whole, its collections and its keys?"""
