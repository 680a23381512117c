"""Which route does a request mean, and with which values in its path?"""
