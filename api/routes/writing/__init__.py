"""Which calls change many rows at once, in other ways than a batch of vectors?"""
