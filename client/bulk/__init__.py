"""What does a bulk build send, and where is it read from?"""
