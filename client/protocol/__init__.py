"""What goes over the wire, without any input or output?"""
