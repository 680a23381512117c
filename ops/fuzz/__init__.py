"""Damaged files and odd requests by the thousand: each must be refused, or do no harm."""
