"""A sample of a model in training: how far it has come, told in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textrnn.decoding.sampling import SamplingSettings
from textrnn.decoding.text import Decoding, Request
from textrnn.language_model.prompts import start_ids
from textrnn.language_model.stepper import make_stepper
from textrnn.tokenizers.base import Tokenizer

__all__ = ["sample_text"]


def sample_text(
    tensors: Mapping[str, Any],
    settings: Mapping[str, Any],
    tokenizer: Tokenizer,
    sampling: SamplingSettings,
) -> str:
    """Return a text of a model in training, made on the CPU.

    Args:
        tensors: Its weights by name: torch tensors on any device, or arrays.
        settings: Its resolved settings by name.
        tokenizer: Its tokenizer.
        sampling: How to sample, with a seed.
    """
    model = make_stepper(tensors, settings)
    start = start_ids(tokenizer, is_lines=settings["lines"])
    decoding = Decoding(tokenizer, sampling, allow_eos=bool(settings["lines"]), skipped=len(start))
    request = Request(0, 0, start, "")
    return "".join(piece.text for piece in decoding.pieces(model, [request]))
