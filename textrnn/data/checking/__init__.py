"""What data are like before a model is trained on them, and what that means for the settings.

``guess`` tells for which job files are; ``texts``, ``examples`` and ``pairs`` look through them, with the
readers, the division and the findings of training itself; ``characters``, ``lengths``, ``repeats`` and
``steps`` each measure one thing in constant memory; ``report`` is what comes of it.
"""
