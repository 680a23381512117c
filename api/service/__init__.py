"""What does a call do, whichever face it came through?"""
