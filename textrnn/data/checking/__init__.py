"""What data are like before a model is trained on them, and what that means for the settings.

``guess`` tells for which job files are; ``texts`` (by a ``scan``), ``examples`` and ``pairs`` (by their
``rows``) look through them, with the readers, the division and the findings of training itself;
``characters``, ``lengths``, ``repeats``, ``steps`` and ``bad_bytes`` each look at one thing; ``report`` is
what comes of it.
"""
