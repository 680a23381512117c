"""Who may come in, what may they do, and how often?"""
