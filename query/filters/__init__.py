"""What does a filter mean?"""
