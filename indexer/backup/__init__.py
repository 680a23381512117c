"""How is a store copied, and how is an earlier state put in its place?"""
