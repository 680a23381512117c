"""How do the bodies of mixed writes become checked values?"""
