"""How do request bodies become checked values?"""
