"""How does what a program passes become rows to store?"""
