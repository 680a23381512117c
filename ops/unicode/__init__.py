"""Makes the table of characters that texts are analysed by."""
