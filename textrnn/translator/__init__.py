"""Sequence to sequence with attention: a text in, another text out, such as its translation."""
