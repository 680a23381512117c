"""What may a caller do, and with which collections?"""
