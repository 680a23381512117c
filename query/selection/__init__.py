"""Which rows of a part match a filter?"""
