"""German and English said side by side, for models that translate.

One grammar builds a sentence as meaning (who, what, when, where), and `german.py` and `english.py`
each say it by the rules of their own language. See `corpora/README.md`.
"""
