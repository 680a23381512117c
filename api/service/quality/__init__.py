"""How near the truth are the answers of searches, and what is done when they are not near enough?"""
