"""Damaged segment files by the thousand: each must be refused, or searched without harm."""
