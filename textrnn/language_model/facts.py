"""A corpus as the planner of language models sees it."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.language_model.settings import LanguageModelSettings

__all__ = ["CorpusFacts", "targets_per_step"]

_SHORT_VOCABULARY = 1024
"""Up to here tokens are characters or bytes, whose n-grams are worth embeddings of their own."""


@dataclass(frozen=True)
class CorpusFacts:
    """A corpus as the planner sees it.

    Attributes:
        train_tokens: Targets for training.
        valid_tokens: Targets for validation.
        vocab_size: Ids of the tokenizer.
        documents: Documents for training.
        lengths: Targets of some of these documents, taken evenly from all; none stands for documents of
            like length.
    """

    train_tokens: int
    valid_tokens: int
    vocab_size: int
    documents: int
    lengths: tuple[int, ...] = ()

    @property
    def is_spelt(self) -> bool:
        """Whether its tokens are few enough to be characters or bytes, not words."""
        return self.vocab_size <= _SHORT_VOCABULARY

    @property
    def mean_length(self) -> float:
        """Targets of a document on average."""
        return self.train_tokens / max(1, self.documents)

    def targets_of_row(self, seq_len: int) -> float:
        """Return the targets of a window's row on average, where each document has rows of its own.

        Args:
            seq_len: Most targets of a row.
        """
        lengths = self.lengths or (max(1, round(self.mean_length)),)
        rows = sum(-(-length // seq_len) for length in lengths)
        return sum(lengths) / max(1, rows)


def targets_per_step(settings: LanguageModelSettings, corpus: CorpusFacts) -> int:
    """Return the targets of a step: of separate lines, the last row of each is as short as its rest."""
    batch_size, seq_len = settings.batch_size or 1, settings.seq_len or 1
    if settings.lines:
        return max(1, round(batch_size * corpus.targets_of_row(seq_len)))
    return batch_size * seq_len
