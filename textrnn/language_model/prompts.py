"""Prompts: what a model reads first, and what is said of what it does not know."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from textrnn.tokenizers.base import BOS_ID, UNK_ID, Ids, Tokenizer

__all__ = ["OnUnknown", "UnknownText", "start_ids", "warn_of_unknown"]


class UnknownText(NamedTuple):
    """What a prompt holds that the model has never seen.

    Attributes:
        prompt: The prompt as it was given.
        unknown: Its unknown parts, in order of appearance.
        used: The prompt as the model reads it instead.
    """

    prompt: str
    unknown: list[str]
    used: str

    @property
    def message(self) -> str:
        """What to tell a person: one line, without characters that do not show."""
        shown = ", ".join(_named(part) for part in self.unknown[:5])
        more = f" and {len(self.unknown) - 5} more" if len(self.unknown) > 5 else ""
        if self.used == self.prompt:
            return f"the model never saw {shown}{more} and takes it for an unknown word"
        return f"the model never saw {shown}{more}; it reads the prompt as {_shortened(self.used)}"


OnUnknown = Callable[[UnknownText], None]


def warn_of_unknown(unknown: UnknownText) -> None:
    """Issue a Python warning about a prompt: what is done where nothing else is asked for."""
    warnings.warn(unknown.message, stacklevel=2)


def start_ids(tokenizer: Tokenizer, *, is_lines: bool) -> Ids:
    """Return what a model reads before a text, so that it starts as a line of the corpus starts.

    That is ``<bos>`` where every line was a text of its own, and otherwise the end of a line
    before.
    """
    newline = tokenizer.encode("\n")
    if is_lines or len(newline) == 0 or UNK_ID in newline:
        return np.array([BOS_ID], np.int32)
    return newline


def _named(part: str) -> str:
    """Return an unknown part as a person may read it, with its code point if it is one."""
    shown = _shortened(part)
    return f"{shown} (U+{ord(part):04X})" if len(part) == 1 else shown


def _shortened(text: str, most: int = 60) -> str:
    """Return a text quoted and escaped, its middle left out where it is long."""
    if len(text) > most:
        text = f"{text[: most // 2]}…{text[-most // 2 :]}"
    return repr(text)
