"""Which rows of a part match a filter?

From what a query asks to what a filter reads:

    matching_rows     the rows that are alive and match; the door for queries
    allow_list        the rows that a list of ids allows, and of those the ones that match
    filter_cache      the bitmap of the rows that match, alive or not, kept for each filter and part
    evaluate_filter   that bitmap made: the columns decide where they can, payloads the other rows
    column_filter     a filter on columns alone: which rows match for certain, and which may
    column_tests      one test of it on the columns of one path
    column_lists      long lists of values, looked up together
    column_texts      strings that a test does not name in full
    column_verdicts   those pairs of certain and possible rows, and how they join
    documents         payloads, decoded as far as the filter looks
    bitmaps           packed sets of rows
"""
