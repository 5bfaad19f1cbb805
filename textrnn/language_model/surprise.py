"""How surprising each token of a text is to a language model, in one pass and constant memory."""

from __future__ import annotations

import codecs
import itertools
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt

from textrnn import bundle
from textrnn.data.lines import lines_of
from textrnn.data.store import TokenStore
from textrnn.decoding.protocol import Ids64
from textrnn.errors import UsageError
from textrnn.language_model.aligning import Aligner
from textrnn.language_model.evaluation import Evaluation
from textrnn.language_model.measuring import Costs, Measure, open_measure
from textrnn.language_model.scored import Part, TokenSurprise, tokens
from textrnn.metrics import bits_per_char, perplexity
from textrnn.tokenizers.base import BOS_ID, EOS_ID, UNK_ID, Tokenizer

__all__ = ["MOST_TOP", "Scorer", "TextSurprise", "Totals"]

_LINES_AT_ONCE = 4096
_PART = 1 << 16
"""Tokens of a part, where a whole text is held on disk."""

MOST_TOP = 100


class Totals:
    """What a text cost as a whole, summed up part by part.

    Args:
        is_lossless: Whether the tokens hold all of the text.
    """

    def __init__(self, *, is_lossless: bool) -> None:
        self._is_lossless = is_lossless
        self.nats = 0.0
        self.targets = self.characters = self.unknown = 0

    def add(self, part: Part) -> None:
        """Count a part's tokens; its characters are counted where the text is read."""
        predicted = ~np.isnan(part.nats)
        self.nats += float(part.nats[predicted].sum(dtype=np.float64))
        self.targets += int(predicted.sum())
        self.unknown += int((part.ids == UNK_ID).sum())

    def result(self) -> Evaluation:
        """Return the figures that ``textrnn evaluate`` gives."""
        loss = self.nats / max(1, self.targets)
        is_whole = self._is_lossless and not self.unknown
        bits = bits_per_char(self.nats, self.characters) if is_whole else None
        return Evaluation(loss, perplexity(loss), bits, self.targets, self.characters, self.unknown)


@dataclass(frozen=True)
class TextSurprise:
    """What a text cost.

    Attributes:
        tokens: Every token.
        nats: The sum of their surprises.
        total: Loss, perplexity, bits per character and so on.
    """

    tokens: list[TokenSurprise]
    nats: float
    total: Evaluation


class Scorer:
    """A trained language model that tells what every token of a text cost.

    Running text is read as a document of its own. It goes through the model in stretches: the state is
    carried from one to the next, and a long stretch is cut into segments that run side by side, each after
    a burn-in, as evaluation does it. A model of separate lines reads each line by itself; one that reads
    from the end keeps the text on disk meanwhile.

    Args:
        model: A bundle of a language model.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``float32``, ``bf16``, or ``auto`` for the training's where this device is good at it.
        threads: CPU threads; None takes all.

    Raises:
        ModelError: the weights do not fit the settings.
        UsageError, DeviceError: an unknown or missing device.
    """

    def __init__(
        self,
        model: bundle.Bundle,
        *,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ) -> None:
        self._tokenizer = model.tokenizer()
        self._measure: Measure = open_measure(model, device, precision, threads)
        self.settings = self._measure.settings
        self.totals = Totals(is_lossless=self._tokenizer.is_lossless)

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        return self._tokenizer

    def score(self, text: str, *, top: int = 0) -> TextSurprise:
        """Return what each token of a text cost.

        Args:
            text: Any text; of a model of separate lines, lines.
            top: How many of the likeliest tokens are to be named for each place, 0 to 100.

        Raises:
            UsageError: ``top`` is out of range.
        """
        found = list(tokens(self.parts([text], top=top), self._tokenizer))
        return TextSurprise(found, self.totals.nats, self.totals.result())

    def parts(self, chunks: Iterable[str], *, details: bool = True, top: int = 0) -> Iterator[Part]:
        """Yield a text part by part, each as soon as it is known; ``totals`` count it.

        Args:
            chunks: The text, cut anywhere.
            details: Whether ranks and entropies are wanted.
            top: How many of the likeliest tokens are to be named for each place, 0 to 100.

        Raises:
            UsageError: ``top`` is out of range.
        """
        if not 0 <= top <= MOST_TOP:
            raise UsageError(f"top is {top}; it must be 0 to {MOST_TOP}")
        self.totals = Totals(is_lossless=self._tokenizer.is_lossless)
        self._measure.details, self._measure.top = details, top
        if self.settings.lines:
            found = self._separate_lines(chunks)
        elif self.settings.reverse:
            found = self._from_the_end(self._counted(chunks))
        else:
            found = self._running(self._counted(chunks))
        for part in found:
            self.totals.add(part)
            yield part

    def _counted(self, chunks: Iterable[str]) -> Iterator[str]:
        for chunk in chunks:
            self.totals.characters += len(chunk)
            if chunk:
                yield chunk

    def _running(self, chunks: Iterable[str]) -> Iterator[Part]:
        aligner = Aligner(self._tokenizer)
        stream = self._measure.stream()
        for ids in self._tokenizer.encode_chunks(aligner.watched(chunks)):
            for low in range(0, len(ids), stream.most):
                some = ids[low : low + stream.most].astype(np.int64)
                yield self._part(some, aligner.texts(some), stream.costs(some))

    def _separate_lines(self, chunks: Iterable[str]) -> Iterator[Part]:
        for block in lines_of(chunks, "the text"):
            for low in range(0, len(block), _LINES_AT_ONCE):
                yield self._block_of_lines(block[low : low + _LINES_AT_ONCE])

    def _block_of_lines(self, block: Sequence[str]) -> Part:
        """Return what lines cost, each read by itself; a blank one has an end that nobody predicted."""
        aligner = Aligner(self._tokenizer)
        ids: list[npt.NDArray[np.integer]] = []
        texts: list[str] = []
        for line in block:
            # A document each: <bos>, the tokens, <eos>, which is the line's end.
            own = list(self._tokenizer.encode_chunks(aligner.watched([line])))
            document = np.concatenate(([BOS_ID], *own, [EOS_ID])).astype(np.int64)
            ids.append(document)
            texts += ["", *aligner.texts(document[1:-1]), "\n"]
            self.totals.characters += len(line) + 1 if line else 0
        lengths = np.array([len(document) for document in ids])
        filled = np.array([bool(line) for line in block])
        store = _store([document for document, line in zip(ids, block, strict=True) if line])
        costs = Costs.empty(int(lengths.sum()), self._measure.named)
        costs.put(np.repeat(filled, lengths), self._costs(store, on_disk=False), slice(None))
        flat = np.concatenate(ids)
        # What begins a line is a token of the text only where it is predicted.
        kept = (flat != BOS_ID) | ~np.isnan(costs.nats)
        shown = list(itertools.compress(texts, kept.tolist()))
        return self._part(flat[kept], shown, costs.taken(kept))

    def _from_the_end(self, chunks: Iterable[str]) -> Iterator[Part]:
        """Yield a running text that the model reads from its end: first all is read, then all is told."""
        aligner = Aligner(self._tokenizer)
        with tempfile.TemporaryFile() as spool, tempfile.TemporaryFile() as file:
            file.write(np.array([BOS_ID], np.int32).tobytes())
            for ids in self._tokenizer.encode_chunks(_spooled(chunks, spool)):
                file.write(ids.astype(np.int32).tobytes())
            file.flush()
            number = file.tell() // 4
            if number == 1:
                return
            ids = np.memmap(file, np.int32, "r", shape=(number,))
            costs = self._costs(TokenStore(ids, np.zeros(1, np.int64), 0, 0), on_disk=True)
            spool.seek(0)
            waiting = aligner.watched(_unspooled(spool))
            for low in range(0, number, _PART):
                some = np.asarray(ids[low : low + _PART], np.int64)
                texts = [""] if low == 0 else []
                texts += aligner.texts(some[1:] if low == 0 else some, waiting)
                yield self._part(some, texts, costs.taken(slice(low, low + _PART)))

    def _costs(self, store: TokenStore, *, on_disk: bool) -> Costs:
        """Return what each id of a store cost, in the order of the text."""
        if not len(store.ids):
            return Costs.empty(0, self._measure.named)
        if not self.settings.reverse:
            return self._measure.store(store, on_disk=on_disk)
        found = self._measure.store(store.reversed(), on_disk=on_disk)
        return Costs(*(array[::-1] for array in found.arrays()))

    def _part(self, ids: Ids64, texts: list[str], costs: Costs) -> Part:
        is_detailed = self._measure.details
        return Part(
            ids,
            texts,
            costs.nats,
            costs.ranks if is_detailed else None,
            costs.entropies if is_detailed else None,
            costs.top_ids,
            costs.top_probs,
        )


def _store(documents: Sequence[npt.NDArray[np.integer]]) -> TokenStore:
    starts = np.cumsum([0, *(len(document) for document in documents)])[:-1]
    ids = np.concatenate(documents) if documents else np.empty(0, np.int64)
    return TokenStore(ids, starts, 0, 0)


def _spooled(chunks: Iterable[str], file: IO[bytes]) -> Iterator[str]:
    """Pass on a text and keep it."""
    for chunk in chunks:
        file.write(chunk.encode("utf-8", "surrogatepass"))
        yield chunk


def _unspooled(file: IO[bytes]) -> Iterator[str]:
    """Yield a text that was kept, some at a time."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
    while content := file.read(_PART):
        yield decoder.decode(content)
