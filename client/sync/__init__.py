"""How does a program that blocks talk to a server?"""
