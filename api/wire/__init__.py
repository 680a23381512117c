"""How do request bodies become checked values, and errors become answers?"""
