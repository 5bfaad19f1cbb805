"""Reading text and labelled examples, and the store of token ids that models learn from.

``sources`` finds the files, ``reading`` turns their bytes into text, ``corpus`` prepares text into
the memory-mapped stores of ``store``, and ``cache`` keeps what was prepared.

Labelled examples come from ``tables``: ``columns`` tells text from label, ``survey`` reads them
once, ``division`` and ``grouping`` make parts of them, ``findings`` says what is wrong with them,
and ``examples`` prepares them.
"""
