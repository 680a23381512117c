"""How do rows become a segment, within the memory that there is for it?"""
