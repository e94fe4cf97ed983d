"""From the rows of a table to sequences: columns, order in time, windows, splits."""
