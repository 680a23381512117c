"""What goes over the wire about collections, and tells one from another?"""
