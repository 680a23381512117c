"""What do many collections cost, and how much do those in use get in each other's way?"""
