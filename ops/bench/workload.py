"""What all measurements search for, on every data set."""

K = 10
BATCH_ROWS = 1000
USUAL_BREADTH = 128
FIRST_SEARCHES = 1000
"""This many searches at the default ef come before memory is read."""
