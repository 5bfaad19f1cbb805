"""A trained translator in use: what ``textrnn.load`` returns for one."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from textrnn.bundle import Bundle
from textrnn.config import as_dict, make
from textrnn.data.pair_rows import one_line
from textrnn.decoding.beam import Hypothesis, length_norm
from textrnn.decoding.sampling import with_seed
from textrnn.errors import UsageError
from textrnn.processors import require_threads
from textrnn.tokenizers import Tokenizer
from textrnn.tokenizers.base import EOS_ID
from textrnn.training.inference import checked_texts
from textrnn.translator.engines import ChosenEngine, LightEngine
from textrnn.translator.light import LightTranslator
from textrnn.translator.opening import checked_weights, model_of, settings_of, tokenizers_of
from textrnn.translator.protocol import Engine, Source
from textrnn.translator.search import SearchSettings
from textrnn.translator.settings import TranslatorSettings
from textrnn.translator.sizes import multiplied_weights
from textrnn.translator.translations import CutText, PairScore, Translation
from textrnn.translator.wording import Wording, never_said

if TYPE_CHECKING:
    from textrnn.translator.engine import TorchEngine

__all__ = ["BATCH_SIZE", "Translator"]

BATCH_SIZE = 64
"""Texts translated at a time, at most."""
_LONG = 1 << 16
"""Characters of a text from which on it is encoded some at a time."""

OnCut = Callable[[CutText], None]


@dataclass(frozen=True)
class _Parts:
    """What a network is made of, without torch or in it; arguments as for :class:`Translator`."""

    weights: Mapping[str, npt.NDArray[np.float32]]
    settings: TranslatorSettings
    tokenizers: tuple[Tokenizer, Tokenizer]
    device: str
    precision: str
    threads: int | None

    def light(self) -> LightEngine:
        """Make the network without torch."""
        never = never_said(self.tokenizers[1])
        return LightEngine(LightTranslator(self.weights, self.settings, never))

    def in_torch(self) -> TorchEngine:
        """Load torch and the network in it."""
        from textrnn.training.device import pick_device, use_threads
        from textrnn.translator.engine import TorchEngine

        use_threads(self.threads)
        src, tgt = self.tokenizers
        # Before the network, which is of no use where there is no such device.
        device = pick_device(self.device)
        model = model_of(self.weights, self.settings, src.vocab_size, tgt.vocab_size)
        return TorchEngine(model.to(device), tgt.vocab_size, never_said(tgt), self.precision)


class Translator:
    """Turns texts into other texts: translations, answers, summaries, whatever the pairs were.

    What else is in the batch changes a log-probability by no more than the last digits of float32
    arithmetic. On a CPU, single texts are translated without torch, which is loaded where many are.

    Args:
        bundle: An opened model directory of a translator.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``float32``, which ``auto`` means too, or ``bf16``, which is faster on some devices and
            may change translations.
        threads: CPU threads of torch in this process; None takes all processors. Without torch it is one.

    Raises:
        ModelError: the model's settings are wrong, or its files do not fit together.
        UsageError, DeviceError: an unknown or missing device, a wrong precision.
    """

    def __init__(
        self,
        bundle: Bundle,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ) -> None:
        if precision not in ("auto", "float32", "bf16"):
            raise UsageError(f"precision is {precision!r}; it must be one of auto, float32, bf16")
        require_threads(threads)
        self._bundle = bundle
        where = str(bundle.path)
        self._settings = settings_of(bundle.settings, where)
        self._max_length = self._settings.max_length or 1
        self._tokenizers = tokenizers_of(bundle)
        src, tgt = self._tokenizers
        parts = _Parts(
            weights=checked_weights(bundle, self._settings, src.vocab_size, tgt.vocab_size),
            settings=self._settings,
            tokenizers=self._tokenizers,
            device=device,
            # No GPU may round what float32 was asked for, nor is bf16 taken unless asked for.
            precision="bf16" if precision == "bf16" else "float32",
            threads=threads,
        )
        self._engine: Engine
        if parts.precision == "float32" and device in ("auto", "cpu"):
            multiplied = multiplied_weights(self._settings, tgt.vocab_size)
            self._engine = ChosenEngine(parts.light, parts.in_torch, multiplied)
        else:
            self._engine = parts.in_torch()
        self._wording = Wording(self._tokenizers, self._engine)

    @property
    def path(self) -> Path:
        """The model directory."""
        return self._bundle.path

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting of the run that made the model."""
        return as_dict(self._settings)

    @property
    def tokenizers(self) -> tuple[Tokenizer, Tokenizer]:
        """The source's tokenizer and the target's."""
        return self._tokenizers

    @property
    def device(self) -> str:
        """Where the model computes: a torch device's name; ``cpu`` before torch is needed."""
        return self._engine.device

    def translate(
        self,
        texts: Iterable[str],
        *,
        align: bool = False,
        batch_size: int = BATCH_SIZE,
        on_cut: OnCut | None = None,
        **search: Any,
    ) -> list[Translation]:
        """Return a translation of every text, in their order.

        Args:
            texts: The texts; a single one goes into a list too. Line ends in them count as spaces.
            align: Whether to tell which words were looked at.
            batch_size: Texts translated at a time, at most; changes no translation.
            on_cut: Is told of texts that are longer than what the model reads; a warning by default.
            **search: Fields of ``textrnn.translator.search.SearchSettings``: ``beam_size=5``,
                ``length_penalty=1.0``, ``n_best=1``, ``max_length=100``, ``sample=True``, …

        Raises:
            TypeError: ``texts`` is a string, or holds something else than strings.
            UsageError: a wrong option.
            ModelError: the weights make no number of a text.
            DeviceError: memory has no room for a single text.
        """
        if batch_size < 1:
            raise UsageError(f"batch_size is {batch_size}; it must be at least 1")
        settings = _seeded(make(SearchSettings, search))
        given = checked_texts(texts)
        lines = list(map(one_line, given))
        places = [place for place, line in enumerate(lines) if line]
        sources = self._sources([lines[place] for place in places], places, on_cut)
        limit = settings.max_length or self._max_length
        wide = settings
        if settings.n_best > 1 and not settings.sample:
            # Of those found, several may be the same text.
            wide = dataclasses.replace(settings, n_best=settings.beam_size)
        found = self._engine.search(sources, wide, [limit] * len(sources), batch_size)
        translations = [Translation(text, "", None, ()) for text in given]
        found = [self._distinct(each)[: settings.n_best] for each in found]
        told = self._wording.told(sources, found, is_aligned=align)
        for place, translation, hypotheses in zip(places, told, found, strict=True):
            translations[place] = dataclasses.replace(
                translation, source=given[place], is_ended=len(hypotheses[0].ids) >= limit
            )
        return translations

    def score(
        self,
        sources: Sequence[str],
        targets: Sequence[str],
        *,
        length_penalty: float = 1.0,
        on_cut: OnCut | None = None,
    ) -> list[PairScore]:
        """Return how probable given translations are: those of :meth:`translate` have the same scores.

        That holds where a target is cut into the tokens that it was made of, as characters are. A model of
        pieces may find the same text by others, and words that it says without a space between them are
        read as one.

        Args:
            sources: Texts.
            targets: As many; they are read whole.
            length_penalty: As for :meth:`translate`.
            on_cut: Likewise, of the sources.

        Raises:
            TypeError: one of the two is a string, or holds something else than strings.
            UsageError: there are not as many.
        """
        given, wanted = checked_texts(sources), checked_texts(targets)
        if len(given) != len(wanted):
            raise UsageError(
                f"{len(given):,} sources and {len(wanted):,} targets; they go in pairs"
            )
        settings = make(SearchSettings, {"length_penalty": length_penalty})
        read = self._sources(list(map(one_line, given)), range(len(given)), on_cut)
        pairs = [
            (source.ids, self._target(target)) for source, target in zip(read, wanted, strict=True)
        ]
        scores = []
        for (_, tgt), each in zip(pairs, self._engine.forced(pairs), strict=True):
            norm = float(length_norm(len(tgt) + 1, settings.length_penalty))
            scores.append(PairScore(each.log_prob / norm, each.log_prob, len(tgt) + 1))
        return scores

    def _sources(
        self, lines: Sequence[str], numbers: Iterable[int], on_cut: OnCut | None
    ) -> list[Source]:
        """Return texts with their tokens, those that the model has no room for left out."""
        sources = []
        for line, number in zip(lines, numbers, strict=True):
            text, ids, count = self._read(line)
            if count > self._max_length:
                cut = CutText(number, count, self._max_length)
                if on_cut is None:
                    warnings.warn(cut.told(), stacklevel=3)
                else:
                    on_cut(cut)
            read = np.concatenate((ids, [EOS_ID])).astype(np.int64)
            sources.append(Source(text, read))
        return sources

    def _read(self, line: str) -> tuple[str, npt.NDArray[np.integer], int]:
        """Return what is read of a text, its tokens, and how many tokens all of the text has.

        A very long one is not encoded at once: a line of 100 MB would take gigabytes.
        """
        tokenizer, most = self._tokenizers[0], self._max_length
        if len(line) <= _LONG:
            ids = tokenizer.encode(line)
            return line, ids[:most], len(ids)
        parts = (line[low : low + _LONG] for low in range(0, len(line), _LONG))
        kept = [np.zeros(0, np.int32)]
        count = 0
        for ids in tokenizer.encode_chunks(parts):
            if count < most:
                kept.append(ids[: most - count])
            count += len(ids)
        # So many characters make more tokens than are read, but in texts without words.
        text = line[:_LONG] if len(tokenizer.encode(line[:_LONG])) > most else line
        return text, np.concatenate(kept), count

    def _target(self, text: str) -> npt.NDArray[np.int64]:
        return self._tokenizers[1].encode(one_line(text)).astype(np.int64)

    def _distinct(self, found: Sequence[Hypothesis]) -> list[Hypothesis]:
        """Return the best hypothesis of each text, the best first: one may be made of several cuts."""
        best: dict[str, Hypothesis] = {}
        for each in sorted(found, key=lambda each: -each.score):
            best.setdefault(one_line(self._tokenizers[1].decode(each.ids)), each)
        return list(best.values())


def _seeded(settings: SearchSettings) -> SearchSettings:
    """Return the settings with a seed where one is needed."""
    if not settings.sample or settings.seed is not None:
        return settings
    return dataclasses.replace(settings, seed=with_seed(settings.sampling).seed)
