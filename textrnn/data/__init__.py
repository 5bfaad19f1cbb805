"""Reading text, and the store of token ids that models learn from.

``sources`` finds the files, ``reading`` turns their bytes into text, ``corpus`` prepares text into
the memory-mapped stores of ``store``, and ``cache`` keeps what was prepared.
"""
