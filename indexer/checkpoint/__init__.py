"""Which segments are the index as of which record, and which files may go?"""
