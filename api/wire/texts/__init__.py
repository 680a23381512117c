"""What do bodies say of text indexes?"""
