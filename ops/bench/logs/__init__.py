"""The log: what compression saves, how fast it is read and written, and how long a start takes."""
