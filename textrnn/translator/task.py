"""Translation as a task of the one training loop."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from textrnn.data.pairs import PairCorpus
from textrnn.errors import ModelError
from textrnn.metrics import perplexity
from textrnn.nn.dropout import MaskSource
from textrnn.tokenizers.base import NUM_SPECIAL, UNK_ID
from textrnn.training.interval import loss_fault
from textrnn.training.task import State, StepOutput
from textrnn.translator.batches import (
    PairBatch,
    evaluation_batches,
    fitting,
    samplers_of,
    token_batches,
)
from textrnn.translator.engine import TorchEngine
from textrnn.translator.model import EncoderDecoder
from textrnn.translator.protocol import Source
from textrnn.translator.search import SearchSettings
from textrnn.translator.settings import TranslatorSettings
from textrnn.translator.sizes import length_limit
from textrnn.translator.wording import Wording, never_said

__all__ = ["TranslatorTask", "training_loss"]

_ORDER = 1
"""Key of the random order of pairs, beside the seed and the epoch."""
_MOST_LOSS = 20.0
"""Nats per token beyond any that over-fitting has; a diverging net passes it at once."""
_SCORED = 1000
"""Validation pairs of which BLEU is taken while training."""
_SHOWN = 3
_GREEDY = SearchSettings(beam_size=1)

Int64 = npt.NDArray[np.int64]


def training_loss(
    model: EncoderDecoder, settings: TranslatorSettings, batch: PairBatch, masks: MaskSource
) -> Tensor:
    """Return what a batch is to be trained for: the smoothed surprise, summed over its target tokens.

    Args:
        model: The network.
        settings: Resolved settings.
        batch: On the model's device.
        masks: Source of dropout masks.
    """
    rate = settings.token_dropout
    encoded = model.encode(_hidden(batch.src, rate, masks), batch.src_lengths, masks)
    return model.nats(
        _hidden(batch.tgt_in, rate, masks),
        batch.tgt_out,
        encoded,
        masks,
        smoothing=settings.label_smoothing,
    )


def _hidden(ids: Tensor, rate: float, masks: MaskSource) -> Tensor:
    """Return ids with a share of them hidden; what is no token of a text stays."""
    if not rate:
        return ids
    drawn = masks.mask(ids.shape, rate, torch.float32) == 0
    return ids.masked_fill(drawn & (ids >= NUM_SPECIAL), UNK_ID)


class TranslatorTask:
    """A target for each source.

    Args:
        model: The network, on its device.
        settings: Resolved settings.
        corpus: Pairs to train and to validate on.
    """

    job = "translator"

    def __init__(
        self, model: EncoderDecoder, settings: TranslatorSettings, corpus: PairCorpus
    ) -> None:
        self.model = model
        self.metric = f"valid_{settings.select}"
        self.maximize = settings.select == "bleu"
        self.most_loss = max(_MOST_LOSS, 3 * math.log(corpus.tgt_tokenizer.vocab_size))
        self._settings = settings
        self._corpus = corpus
        self._device = model.output.bias.device
        self._max_length = settings.max_length or 1
        self._samplers = samplers_of(
            corpus.src_tokenizer, corpus.tgt_tokenizer, settings.subword_alpha
        )
        self._valid = fitting(corpus.valid, self._max_length)
        src, tgt = corpus.src_tokenizer, corpus.tgt_tokenizer
        # In whatever precision the loop evaluates.
        self._engine = TorchEngine(model, tgt.vocab_size, never_said(tgt), "float32")
        self._wording = Wording((src, tgt), self._engine)
        trained = fitting(corpus.train, self._max_length)
        # <bos> is read and never said.
        self._epoch_targets = int((corpus.train.tgt.lengths(trained) - 1).sum())

    def batches(self, epoch: int, start: int) -> Iterator[PairBatch]:
        """Yield the batches of an epoch; see ``textrnn.training.task.Task``."""
        s = self._settings
        rng = np.random.default_rng([s.seed, _ORDER, epoch])
        return token_batches(
            self._corpus.train, s.batch_tokens or 1, self._max_length, rng, start, self._samplers
        )

    def batches_per_epoch(self) -> int:
        """Return about how many batches an epoch has."""
        return max(1, round(self._epoch_targets / (self._settings.batch_tokens or 1)))

    def start(self, rows: int) -> State:  # noqa: ARG002
        """Return nothing: nothing is carried."""
        return {}

    def step(self, batch: PairBatch, state: State | None, masks: MaskSource) -> StepOutput:  # noqa: ARG002
        """Run a batch forward."""
        return StepOutput(training_loss(self.model, self._settings, batch.to(self._device), masks))

    def split(
        self, batch: PairBatch, state: State | None, parts: int
    ) -> list[tuple[PairBatch, State | None]]:
        """Cut a batch by rows."""
        count = len(batch.src)
        rows = np.array_split(np.arange(count), min(parts, count))
        return [(batch.rows(int(part[0]), int(part[-1]) + 1), state) for part in rows]

    def join(self, states: list[State]) -> State:
        """Return the one state there is: none."""
        return states[0]

    def evaluate(self, most_targets: int | None) -> dict[str, float | None]:
        """Return ``valid_loss`` in nats per target token, ``valid_perplexity`` and ``valid_bleu``.

        BLEU is sacreBLEU's, of greedy translations of a fixed share of the pairs against their raw
        texts, from 0 to 100; None where weights leave the range of numbers. All None where no pair to
        validate on is within the greatest length.
        """
        valid = self._corpus.valid
        if not len(self._valid):
            return dict.fromkeys(("valid_loss", "valid_perplexity", "valid_bleu"))
        most = len(self._valid)
        if most_targets is not None:
            most = max(1, min(most, round(most_targets * len(valid) / max(1, valid.tgt.tokens))))
        sums, targets = [], 0
        for batch in evaluation_batches(valid, self._max_length, most):
            moved = batch.to(self._device)
            encoded = self.model.encode(moved.src, moved.src_lengths)
            sums.append(self.model.nats(moved.tgt_in, moved.tgt_out, encoded))
            targets += batch.num_targets
        # Looked at once: each look waits for a GPU.
        loss = sum(torch.stack(sums).tolist()) / max(1, targets)
        bleu = self._bleu(min(_SCORED, most))
        return {"valid_loss": loss, "valid_perplexity": perplexity(loss), "valid_bleu": bleu}

    def fault(self, metrics: Mapping[str, float | None]) -> str | None:
        """Return what is wrong where the validation loss exploded or is not finite, or None."""
        loss = metrics["valid_loss"]
        return None if loss is None else loss_fault(loss, self.most_loss)

    def train_metrics(self, means: Mapping[str, float]) -> dict[str, float]:  # noqa: ARG002
        """Return nothing: the smoothed loss says all that training knows."""
        return {}

    def group(self, name: str) -> str:  # noqa: ARG002
        """Return the one group of parameters there is."""
        return ""

    def rate_share(self, group: str, progress: float) -> float:  # noqa: ARG002
        """Return 1: all parameters learn at the run's rate."""
        return 1.0

    def conclude(self, metrics: Mapping[str, float | None]) -> dict[str, float | None]:  # noqa: ARG002
        """Return nothing: there is no data that was not looked at."""
        return {}

    def sample(self, step: int) -> str | None:  # noqa: ARG002
        """Return a few validation texts with their translations, and what they should be."""
        if not len(self._valid):
            return None
        chosen = self._spread(_SHOWN)
        blocks = []
        for number, translation in zip(chosen.tolist(), self._translated(chosen), strict=True):
            source, target = self._corpus.valid_pair(number)
            blocks.append(f"  {source}\n> {translation}\n= {target}")
        return "\n".join(blocks)

    def _bleu(self, count: int) -> float | None:
        """Return BLEU of greedy translations of so many validation pairs, evenly spread.

        None where weights make no number of a text that they go on with by themselves.
        """
        from sacrebleu.metrics.bleu import BLEU

        chosen = self._spread(count)
        references = [self._corpus.valid_pair(number)[1] for number in chosen.tolist()]
        try:
            translations = self._translated(chosen)
        except ModelError:
            return None
        return float(BLEU().corpus_score(translations, [references]).score)

    def _spread(self, most: int) -> Int64:
        """Return the numbers of at most so many validation pairs, evenly spread."""
        count = len(self._valid)
        places = np.linspace(0, count - 1, min(most, count)).round().astype(np.int64)
        chosen: Int64 = self._valid[places]
        return chosen

    def _translated(self, chosen: Int64) -> list[str]:
        """Return translations of the validation pairs with the given numbers, in their order.

        They are those that a user gets with a beam of one; but what is much longer than source and reference
        is ended, since a model that knows little yet would go on and on.
        """
        src, tgt = self._corpus.valid.src, self._corpus.valid.tgt
        sources, limits = [], []
        lengths = zip(src.lengths(chosen).tolist(), tgt.lengths(chosen).tolist(), strict=True)
        for number, (tokens, wanted) in zip(chosen.tolist(), lengths, strict=True):
            first = int(src.starts[number])
            ids = np.asarray(src.ids[first + 1 : first + tokens], np.int64)
            sources.append(Source(self._corpus.valid_pair(number)[0], ids))
            limits.append(length_limit(max(tokens, wanted) - 2, self._max_length))
        found = self._engine.search(sources, _GREEDY, limits, len(sources))
        told = self._wording.told(sources, found, is_aligned=False)
        return [each.translation for each in told]
