"""Is a store what it should be, and does its log lead to the same index?"""
