"""Which commands look into the log, or change it?"""
