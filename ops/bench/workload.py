"""What every measurement asks for, whatever it is measured on."""

K = 10
BATCH_ROWS = 1000
USUAL_BREADTH = 128
FIRST_SEARCHES = 1000
"""So many at the usual breadth before memory is read."""
