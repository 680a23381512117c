"""Which items of a write are written, given what is stored when its turn comes?

A decision rests on one snapshot. What it rests on is handed to the log as a condition, so that the record is
written only while it is still true; the record itself holds what was decided, and nothing that is left to be
decided when it is applied, replayed or followed.
"""
