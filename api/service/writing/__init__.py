"""What is a write of many kinds of changes, once its filters are resolved?"""
