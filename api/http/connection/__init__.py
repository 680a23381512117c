"""What may a connection send, for how long, and is anything of it still read after an error?"""
