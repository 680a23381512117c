"""How is a write with a key done once, and answered again?"""
