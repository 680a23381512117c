"""What do the metrics say of each open collection, with few labels however many there are?"""
