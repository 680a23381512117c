"""How does a program that awaits talk to a server?"""
