"""The log: what compression gains, how fast it is read and written, how soon a store is back."""
