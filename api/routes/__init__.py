"""Which calls does the HTTP API have, and what does each answer?"""
