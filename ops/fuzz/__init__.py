"""Thousands of damaged segment files: each must be refused, or be searched without a crash."""
