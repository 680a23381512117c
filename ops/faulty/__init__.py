"""Does a client tell the truth through a network that cuts, copies, delays and invents answers?"""
