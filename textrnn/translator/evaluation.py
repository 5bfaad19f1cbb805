"""How good a translator is: its translations beside references, and how probable it holds these."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from textrnn.data.pairs import Pair
from textrnn.errors import DataError, UsageError
from textrnn.metrics import perplexity
from textrnn.tokenizers import Tokenizer
from textrnn.tokenizers.base import UNK_ID
from textrnn.translator.predictor import Translator
from textrnn.translator.search import BLEU_TOKENIZE

__all__ = ["PoorTranslation", "TranslationReport", "evaluate_pairs"]

_PAIRS_AT_ONCE = 2048


@dataclass(frozen=True)
class PoorTranslation:
    """A translation that has little in common with its reference.

    Attributes:
        where: The place of its pair: ``test.de:17``.
        source: The source.
        reference: The reference.
        translation: What the model made of the source.
        chrf: Its own chrF, from 0 to 100.
    """

    where: str
    source: str
    reference: str
    translation: str
    chrf: float


@dataclass(frozen=True)
class TranslationReport:
    """What was measured.

    Attributes:
        pairs: Pairs that were measured.
        blank: Pairs with an empty side, which are left out.
        bleu: BLEU of the whole, from 0 to 100 (Papineni et al. 2002).
        chrf: chrF2 of the whole, from 0 to 100 (Popovic 2015).
        bleu_signature: How BLEU was computed, as sacreBLEU writes it (Post 2018).
        chrf_signature: How chrF was.
        length_ratio: Tokens of the translations over those of the references, as BLEU counts them.
        loss: Nats per target token of the references, ``<eos>`` counted.
        perplexity: Its exponential.
        unknown_source: Share of ``<unk>`` among the tokens of the sources, from 0 to 1.
        unknown_target: Share of ``<unk>`` among those of the references.
        cut: Sources that were longer than what the model reads.
        worst: The translations with the lowest chrF, the lowest first.
    """

    pairs: int
    blank: int
    bleu: float
    chrf: float
    bleu_signature: str
    chrf_signature: str
    length_ratio: float
    loss: float
    perplexity: float
    unknown_source: float
    unknown_target: float
    cut: int
    worst: tuple[PoorTranslation, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        plain = {name: value for name, value in vars(self).items() if name != "worst"}
        return {**plain, "worst": [vars(each) for each in self.worst]}


def evaluate_pairs(
    translator: Translator,
    pairs: Iterable[Pair],
    *,
    worst: int = 0,
    bleu_tokenize: str = BLEU_TOKENIZE[0],
    lowercase: bool = False,
    on_translation: Callable[[Sequence[str]], None] = lambda texts: None,
    **search: Any,
) -> TranslationReport:
    """Translate sources and compare with references.

    Args:
        translator: The model.
        pairs: Read some at a time; their texts are kept, for BLEU's sake.
        worst: How many of the worst translations to report.
        bleu_tokenize: How BLEU cuts texts into words, one of ``BLEU_TOKENIZE``.
        lowercase: Whether BLEU and chrF take no heed of upper and lower case.
        on_translation: Is given the translations of all pairs in order, those with an empty side too.
        **search: As ``Translator.translate`` takes it.

    Raises:
        DataError: there is no pair with both sides.
        UsageError: a wrong option.
    """
    if bleu_tokenize not in BLEU_TOKENIZE:
        raise UsageError(
            f"bleu_tokenize is {bleu_tokenize!r}; it must be one of {', '.join(BLEU_TOKENIZE)}"
        )
    bleu = BLEU(tokenize=bleu_tokenize, lowercase=lowercase)
    tally = _Tally(translator, worst, bleu, CHRF(lowercase=lowercase))
    waiting = iter(pairs)
    while chunk := list(itertools.islice(waiting, _PAIRS_AT_ONCE)):
        on_translation(tally.add(chunk, search))
    if not tally.references:
        raise DataError("there is no pair with both sides to measure on")
    return tally.report()


@dataclass
class _Tally:
    """Sums over pairs, and the texts that BLEU needs."""

    translator: Translator
    worst: int
    bleu: BLEU
    chrf: CHRF
    references: list[str] = field(default_factory=list)
    translations: list[str] = field(default_factory=list)
    blank: int = 0
    cut: int = 0
    nats: float = 0.0
    targets: int = 0
    tokens: list[int] = field(default_factory=lambda: [0, 0])
    unknown: list[int] = field(default_factory=lambda: [0, 0])
    poor: list[tuple[float, int, PoorTranslation]] = field(default_factory=list)

    def add(self, pairs: Sequence[Pair], search: dict[str, Any]) -> list[str]:
        """Translate some pairs and take them in; returns their translations."""
        found = self.translator.translate(
            [pair.src for pair in pairs], on_cut=self._note_cut, **search
        )
        texts = [each.translation for each in found]
        whole = [
            (pair, text) for pair, text in zip(pairs, texts, strict=True) if pair.src and pair.tgt
        ]
        self.blank += len(pairs) - len(whole)
        for score in self.translator.score(
            [pair.src for pair, _ in whole],
            [pair.tgt for pair, _ in whole],
            on_cut=lambda cut: None,
        ):
            self.nats -= score.log_prob
            self.targets += score.tokens
        for pair, text in whole:
            for side, content in enumerate((pair.src, pair.tgt)):
                self._count_unknown(side, self.translator.tokenizers[side], content)
            self._rank(pair, text)
            self.references.append(pair.tgt)
            self.translations.append(text)
        return texts

    def report(self) -> TranslationReport:
        """Return the figures."""
        bleu, chrf = self.bleu, self.chrf
        bleu_score = bleu.corpus_score(self.translations, [self.references])
        chrf_score = chrf.corpus_score(self.translations, [self.references])
        loss = self.nats / self.targets
        shares = [n / max(1, whole) for n, whole in zip(self.unknown, self.tokens, strict=True)]
        ranked = sorted(self.poor, key=lambda each: (-each[0], -each[1]))
        return TranslationReport(
            pairs=len(self.references),
            blank=self.blank,
            bleu=float(bleu_score.score),
            chrf=float(chrf_score.score),
            bleu_signature=str(bleu.get_signature()),
            chrf_signature=str(chrf.get_signature()),
            length_ratio=bleu_score.sys_len / max(1, bleu_score.ref_len),
            loss=loss,
            perplexity=perplexity(loss),
            unknown_source=shares[0],
            unknown_target=shares[1],
            cut=self.cut,
            worst=tuple(each for _, _, each in ranked),
        )

    def _note_cut(self, _: object) -> None:
        self.cut += 1

    def _count_unknown(self, side: int, tokenizer: Tokenizer, text: str) -> None:
        ids = tokenizer.encode(text)
        self.tokens[side] += len(ids)
        self.unknown[side] += int((ids == UNK_ID).sum())

    def _rank(self, pair: Pair, text: str) -> None:
        """Keep a translation where it is among the worst so far; of equals the first ones."""
        if not self.worst:
            return
        chrf = float(self.chrf.sentence_score(text, [pair.tgt]).score)
        poor = PoorTranslation(pair.where, pair.src, pair.tgt, text, chrf)
        keep = heapq.heappush if len(self.poor) < self.worst else heapq.heappushpop
        keep(self.poor, (-chrf, -len(self.references), poor))
