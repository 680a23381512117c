"""What happens to each request and answer on its way: id, encoding, pieces in time, and a line of log?"""
