"""What does a call cost in processor time, before a change and after it?"""
