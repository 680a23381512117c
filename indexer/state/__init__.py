"""What do the records make of an index, and when may the next write come in?"""
