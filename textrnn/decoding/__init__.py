"""From logits to text: sampling, random numbers, stop strings.

Knows a step function, never a model class.
"""
