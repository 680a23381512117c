"""Which commands does an operator have?"""
