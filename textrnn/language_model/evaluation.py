"""What texts cost a trained language model: loss, perplexity, bits per character."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from textrnn import bundle
from textrnn.config import as_dict, make
from textrnn.data.cache import default_cache_dir
from textrnn.data.corpus import prepare_text
from textrnn.data.lines import lines_of_files, rereadable
from textrnn.data.store import TokenStore
from textrnn.decoding.threads import set_threads
from textrnn.errors import UsageError
from textrnn.language_model.model import Pricing, RecurrentLanguageModel
from textrnn.language_model.placing import require_precision
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.stepped import SteppedLanguageModel
from textrnn.language_model.stepper import check_weights, model_settings
from textrnn.language_model.task import as_read, surprise, text_characters, to_device
from textrnn.language_model.windows import Window, evaluation_windows
from textrnn.metrics import bits_per_char, perplexity
from textrnn.nn.recurrent import State
from textrnn.tokenizers.base import BOS_ID, EOS_ID, UNK_ID
from textrnn.training.device import answering, pick_device, pick_precision, use_threads

__all__ = ["Evaluation", "Evaluator", "LineSurprise"]

_LINES_AT_ONCE = 4096


@dataclass(frozen=True)
class Evaluation:
    """What a text cost a model.

    Attributes:
        loss: Nats per target.
        perplexity: Its exponential.
        bits_per_char: Bits per character of the text; None where the text holds tokens that the model
            does not know.
        targets: Tokens predicted, each exactly once.
        characters: Characters of the text.
        unknown: How many of the targets are ``<unk>``.
    """

    loss: float
    perplexity: float
    bits_per_char: float | None
    targets: int
    characters: int
    unknown: int


@dataclass(frozen=True)
class LineSurprise:
    """What one line cost a model, the lines before it known.

    Attributes:
        number: The line's number among the lines of all inputs, from 1.
        text: The line without its end.
        bits_per_char: Bits per character, the line's end included; None where it holds unknown tokens.
    """

    number: int
    text: str
    bits_per_char: float | None


class _Cost(NamedTuple):
    """What a line cost: nats, its characters with its end, and whether all of it is known."""

    nats: float
    characters: int
    is_known: bool


class Evaluator:
    """A trained model, ready to measure texts.

    Texts are cut into tokens, numbered and cached as for training; every token is predicted exactly once
    from those before it. Measured with the training's own arithmetic, the validation text of a run gets
    the run's ``valid_loss`` again.

    Args:
        model: A bundle of a language model.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``float32``, ``bf16``, or ``auto`` for the training's where this device is good at it;
            ``int8`` measures, on a CPU, the steps of generation in int8.
        threads: CPU threads; None takes all.
        overrides: How to read the texts, where otherwise than in training: ``encoding``, ``newlines``;
            ``text_column`` where they are tables.
        cache: Folder for encoded texts.
        report: Is told in a line what is being done.

    Raises:
        ModelError: the weights do not fit the settings.
        UsageError, DeviceError: an unknown or missing device, or one that is not made for the precision.
    """

    def __init__(
        self,
        model: bundle.Bundle,
        *,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        overrides: Mapping[str, Any] | None = None,
        cache: Path | None = None,
        report: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._tokenizer = model.tokenizer()
        own = model_settings(model.settings, str(model.path))
        tensors = model.tensors()
        check_weights(tensors, own, str(model.path))
        # Where the text stood in training says nothing of where it stands here.
        values = {**as_dict(own), "text_column": None, **(overrides or {})}
        self._settings = make(LanguageModelSettings, values, "evaluate")
        self._cache = cache or default_cache_dir()
        self._report = report
        use_threads(threads)
        if precision == "int8":
            require_precision(precision, "cpu" if device == "auto" else device)
            # As generation has them: products are torch's, and NumPy's threads would be in their way.
            set_threads(torch.get_num_threads(), in_torch=True)
            self._device, self._precision = torch.device("cpu"), "float32"
            self._model: Pricing = SteppedLanguageModel(self._settings, tensors, precision)
            return
        self._device = pick_device(device)
        recorded = str(self._settings.precision)
        # The training's own precision, so that figures agree, where this device is good at it.
        wanted = "float32" if precision == "auto" and recorded == "float32" else precision
        self._precision = pick_precision(wanted, self._device)
        network = RecurrentLanguageModel(self._settings, self._tokenizer.vocab_size)
        network.load_tensors({name: torch.from_numpy(t) for name, t in tensors.items()})
        self._model = network.to(self._device)

    def evaluate(self, inputs: Sequence[str]) -> Evaluation:
        """Measure texts as one.

        Args:
            inputs: Files, folders, ``-`` for standard input.

        Raises:
            DataError: an input cannot be read, or there is no text in any.
        """
        store = as_read(self._settings, self._store(inputs))
        with torch.no_grad(), answering(self._device, self._precision):
            spent = surprise(self._model, evaluation_windows(store, None))
        characters = text_characters(store, lines=self._settings.lines)
        loss = spent.nats / max(1, spent.targets)
        is_whole = self._tokenizer.is_lossless and not store.unknown
        return Evaluation(
            loss=loss,
            perplexity=perplexity(loss),
            bits_per_char=bits_per_char(spent.nats, characters) if is_whole else None,
            targets=spent.targets,
            characters=characters,
            unknown=store.unknown,
        )

    def evaluate_lines(self, inputs: Sequence[str]) -> Iterator[LineSurprise]:
        """Measure each line, blank ones too, in order.

        In running text a line is measured knowing what stands before it; a model of separate lines
        measures each by itself, and gives blank ones None. All are None where the tokenizer
        loses something of a text.

        Raises:
            UsageError: the model reads texts from their end.
        """
        if self._settings.reverse:
            raise UsageError(
                "this model reads texts from their end, so lines have no figures of their own; evaluate the "
                "text as a whole"
            )
        with rereadable(inputs, self._settings, cache=self._cache, report=self._report) as files:
            blocks = lines_of_files(files, self._settings)
            if not self._tokenizer.is_lossless:
                texts = (line for block in blocks for line in block)
                yield from (
                    LineSurprise(number, text, None) for number, text in enumerate(texts, 1)
                )
                return
            if self._settings.lines:
                found = self._separate_lines(blocks)
            else:
                texts = (line for block in blocks for line in block)
                store = self._store([str(file.path) for file in files])
                found = zip(texts, self._running_lines(store), strict=True)
            for number, (text, cost) in enumerate(found, 1):
                bits = bits_per_char(cost.nats, cost.characters) if cost.is_known else None
                yield LineSurprise(number, text, bits)

    def _store(self, inputs: Sequence[str]) -> TokenStore:
        return prepare_text(
            inputs, self._settings, self._tokenizer, cache=self._cache, report=self._report
        )

    def _running_lines(self, store: TokenStore) -> Iterator[_Cost]:
        """Yield what each line of running text cost."""
        with tempfile.TemporaryFile() as file:
            file.truncate(4 * len(store.ids))
            nats = np.memmap(file, np.float32, "r+", shape=(len(store.ids),))
            self._fill(nats, store)
            starts = np.asarray(store.starts)
            for first, end in zip(starts, np.append(starts[1:], len(store.ids)), strict=True):
                yield from self._lines_of_document(
                    store.ids[first + 1 : end], nats[first + 1 : end]
                )

    def _lines_of_document(
        self, ids: npt.NDArray[np.integer[Any]], nats: npt.NDArray[np.float32]
    ) -> Iterator[_Cost]:
        decoder = self._tokenizer.stream_decoder()
        spent, characters, is_known = 0.0, 0, True
        for token, cost in zip(ids, nats, strict=True):
            spent += float(cost)
            is_known = is_known and token != UNK_ID
            text = decoder.feed(int(token))
            # In every tokenizer the end of a line is a token of its own, or the end of one.
            characters += len(text)
            if text.endswith("\n"):
                yield _Cost(spent, characters, is_known)
                spent, characters, is_known = 0.0, 0, True
        characters += len(decoder.flush())
        if characters:
            yield _Cost(spent, characters, is_known)

    def _separate_lines(self, blocks: Iterator[list[str]]) -> Iterator[tuple[str, _Cost]]:
        for block in blocks:
            for low in range(0, len(block), _LINES_AT_ONCE):
                yield from self._block_of_lines(block[low : low + _LINES_AT_ONCE])

    def _block_of_lines(self, lines: list[str]) -> Iterator[tuple[str, _Cost]]:
        encoded = [self._tokenizer.encode(line) for line in lines if line]
        costs: list[_Cost] = []
        if encoded:
            documents = [np.concatenate(([BOS_ID], ids, [EOS_ID])) for ids in encoded]
            starts = np.cumsum([0, *(len(document) for document in documents[:-1])])
            store = TokenStore(np.concatenate(documents), starts, 0, 0)
            nats = np.zeros(len(store.ids), np.float32)
            self._fill(nats, store)
            sums = np.add.reduceat(nats.astype(np.float64), starts).tolist()
            costs = [
                _Cost(spent, len(line) + 1, UNK_ID not in ids)
                for spent, line, ids in zip(sums, filter(None, lines), encoded, strict=True)
            ]
        remaining = iter(costs)
        for line in lines:
            yield line, next(remaining) if line else _Cost(0.0, 0, False)

    def _fill(self, nats: npt.NDArray[np.float32], store: TokenStore) -> None:
        """Put every token's surprise at its place in the store."""
        for window, each in self._surprises(store):
            counts = slice(None) if window.weights is None else window.weights.numpy() > 0
            nats[window.places[counts]] = each[counts]

    def _surprises(self, store: TokenStore) -> Iterator[tuple[Window, npt.NDArray[np.float32]]]:
        """Yield windows with their targets' surprises, (batch, time)."""
        state: State = {}
        with torch.no_grad(), answering(self._device, self._precision):
            for window in evaluation_windows(store, None):
                if window.fresh:
                    state = self._model.start(len(window.ids))
                moved = to_device(window, self._device)
                nats, state = self._model.nats(moved.ids, moved.targets, state)
                yield window, nats.float().cpu().numpy()
