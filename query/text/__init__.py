"""Which rows have these words, and how well do they fit?"""
