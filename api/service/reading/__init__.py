"""In which thread does a read run, and what may it cost?"""
