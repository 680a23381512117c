"""How much memory may answers take, and how does what is free go back to the system?"""
