"""The little world of Skerrow, a harbour town that exists only here.

`texts/*.grammar` hold every hand-written line of the book; `remarks/*.grammar`, those of the table of
remarks. The modules beside them keep the calendar, the people and the errands, and put a year in the
town together from both. See `corpora/README.md`.
"""
