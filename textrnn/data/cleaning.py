"""What every text to be classified passes through, in training and in prediction alike."""

from __future__ import annotations

import re

__all__ = ["clean"]

_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def clean(text: str) -> str:
    """Return a text as models see it.

    ``<br>`` and ``<br />``, which reviews taken from web pages are full of, become line ends, as do
    CRLF and CR; white space around the text goes, so that a line end at the end of a file or line
    never changes a label. Nothing else does: HTML entities stay as they are.
    """
    if "<" in text:
        text = _BREAK.sub("\n", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.strip()
