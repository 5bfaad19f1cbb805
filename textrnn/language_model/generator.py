"""A trained language model in use: what ``textrnn.load`` returns."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textrnn.bundle import Bundle
from textrnn.config import as_dict, make
from textrnn.decoding.protocol import StepModel
from textrnn.decoding.sampling import SamplingSettings, with_seed
from textrnn.decoding.text import Decoding, Piece, in_order
from textrnn.decoding.threads import set_threads, tune_threads
from textrnn.errors import ModelError, UsageError
from textrnn.language_model.opening import check_vocabulary
from textrnn.language_model.placing import pick_generation_device, pick_generation_precision
from textrnn.language_model.prompts import OnUnknown, start_ids, warn_of_unknown
from textrnn.language_model.stepper import make_stepper, model_settings
from textrnn.language_model.writing import Completion, Prompts, requests
from textrnn.processors import require_threads
from textrnn.tokenizers.base import Tokenizer

if TYPE_CHECKING:
    from textrnn.language_model.completion import Completer, Suggestions
    from textrnn.language_model.evaluation import Evaluation
    from textrnn.language_model.surprise import Scorer, TextSurprise

__all__ = ["BATCH_SIZE", "LanguageModel"]

BATCH_SIZE = 64
"""Texts made at a time where nothing else is asked for."""


class LanguageModel:
    """Generates text, completes it, and tells how surprising it is.

    Sampling options are the fields of ``textrnn.decoding.sampling.SamplingSettings``, given by
    name: ``temperature=0.8, top_p=0.9, seed=1``, …

    Args:
        bundle: An opened model directory of a language model.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``. ``auto`` takes the CPU for all
            but large models, whose steps a GPU can speed up; the CPU needs no torch, which takes
            seconds to start.
        precision: ``float32``, which ``auto`` means too; for speed on CPUs whose processors have
            instructions for it ``int8`` or ``bf16``, which start torch and give a seed another text.
        threads: CPU threads of matrix products in this process; None leaves them as they are, see
            :meth:`tune_threads`.
        report: Is told where the processor has none and float32 is taken; a warning by default.

    Raises:
        ModelError: the model's settings are wrong, or its files do not fit together.
        UsageError: not the name of a device or precision, or a precision that the device does not have.
        DeviceError: no such device.
    """

    def __init__(
        self,
        bundle: Bundle,
        device: str = "auto",
        *,
        precision: str = "auto",
        threads: int | None = None,
        report: Callable[[str], None] = lambda message: warnings.warn(message, stacklevel=3),
    ) -> None:
        require_threads(threads)
        self._bundle = bundle
        where = str(bundle.path)
        settings = model_settings(bundle.settings, where)
        if settings.reverse:
            raise ModelError(
                f"{where}: this model reads texts from their end, so it cannot write any; it serves as "
                f"--init-from-reverse of a classifier"
            )
        self._settings = as_dict(settings)
        self._is_lines = settings.lines
        self._tokenizer = bundle.tokenizer()
        tensors = bundle.tensors()
        self._asked_device = device
        self._device = pick_generation_device(device, tensors, precision)
        self._precision = pick_generation_precision(precision, self._device, report)
        self._measured_in = "auto" if precision == "auto" else self._precision
        if threads is not None:
            set_threads(threads, in_torch=self._precision != "float32")
        self._model: StepModel[Any] = make_stepper(
            tensors, self._settings, self._device, where, self._precision
        )
        check_vocabulary(self._tokenizer, self._model.vocab_size, where)
        self._completer: Completer[Any] | None = None
        self._scorer: Scorer | None = None

    @property
    def path(self) -> Path:
        """The model directory."""
        return self._bundle.path

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting of the run that made the model."""
        return dict(self._settings)

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        return self._tokenizer

    @property
    def device(self) -> str:
        """Where the model computes: ``cpu``, or a torch device's name."""
        return self._device

    @property
    def precision(self) -> str:
        """What generation computes in: ``float32``, ``bf16`` or ``int8``."""
        return self._precision

    def tune_threads(self, rows: int = 1) -> None:
        """Set the CPU threads of this process to what is fastest here and now, by a measurement.

        It takes milliseconds for ``rows=1``. Programs that do nothing else but generate gain by it.

        Args:
            rows: Texts made at a time.
        """
        if self._device == "cpu":
            tune_threads(self._model, rows, in_torch=self._precision != "float32")

    def generate(
        self,
        prompt: str = "",
        *,
        stop: str | Sequence[str] = (),
        on_unknown: OnUnknown = warn_of_unknown,
        **sampling: Any,
    ) -> str:
        """Return a text that goes on from the prompt, without the prompt.

        Args:
            prompt: How the text begins; an empty one lets it start as a line of the corpus.
            stop: Strings before the first of which the text ends.
            on_unknown: Is told what the model has never seen in the prompt; a warning by default.
            **sampling: Fields of ``SamplingSettings``.

        Raises:
            UsageError: a wrong option, or a text that would never end.
        """
        self._require_end(make(SamplingSettings, sampling), stop, "use stream()")
        return "".join(self.stream(prompt, stop=stop, on_unknown=on_unknown, **sampling))

    def generate_many(
        self,
        prompts: Iterable[str] = ("",),
        *,
        num: int = 1,
        stop: str | Sequence[str] = (),
        batch_size: int = BATCH_SIZE,
        on_unknown: OnUnknown = warn_of_unknown,
        **sampling: Any,
    ) -> Iterator[Completion]:
        """Make texts in batches; arguments as for :meth:`pieces`.

        Returns:
            An iterator: ``num`` texts for the first prompt, then as many for the second, and so on.
        """
        noted = Prompts(prompts, num)
        pieces = self.pieces(
            noted, num=num, stop=stop, batch_size=batch_size, on_unknown=on_unknown, **sampling
        )
        return noted.completions(pieces)

    def stream(
        self,
        prompt: str = "",
        *,
        stop: str | Sequence[str] = (),
        on_unknown: OnUnknown = warn_of_unknown,
        **sampling: Any,
    ) -> Iterator[str]:
        """Yield a text as it is made, in whole characters; arguments as for :meth:`generate`.

        With ``max_new_tokens=-1`` it may go on for ever, in constant memory.
        """
        pieces = self.pieces([prompt], stop=stop, on_unknown=on_unknown, **sampling)
        return (piece.text for piece in pieces if piece.text)

    def pieces(
        self,
        prompts: Iterable[str],
        *,
        num: int = 1,
        stop: str | Sequence[str] = (),
        batch_size: int = BATCH_SIZE,
        on_unknown: OnUnknown = warn_of_unknown,
        **sampling: Any,
    ) -> Iterator[Piece]:
        """Make texts in batches, and show them in order as they are made.

        The first text appears piece by piece. What belongs to later ones is held back until its
        turn. A text depends on the seed, its prompt and its number among those of the prompt, not
        on the other texts or on ``batch_size``, but for rounding in the last bits of the logits.

        Args:
            prompts: Beginnings, read as far as the next batch needs them; an empty one lets the
                text start as a line of the corpus.
            num: Texts for each prompt.
            stop: Strings before the first of which a text ends.
            batch_size: Texts made at a time, at most.
            on_unknown: Is told what the model has never seen in a prompt; a warning by default.
            **sampling: Fields of ``SamplingSettings``.

        Returns:
            An iterator over the texts' pieces: prompt 0 sample 0 up to a piece with ``finish``,
            then prompt 0 sample 1, and so on.

        Raises:
            UsageError: a wrong option, or several texts of which the first might never end.
        """
        for name, value in (("num", num), ("batch_size", batch_size)):
            if value < 1:
                raise UsageError(f"{name} is {value}; it must be at least 1")
        settings = with_seed(make(SamplingSettings, sampling))
        is_single = num == 1 and isinstance(prompts, (list, tuple)) and len(prompts) == 1
        if not is_single:
            self._require_end(settings, stop, "ask for one text")
        start = start_ids(self._tokenizer, is_lines=self._is_lines)
        decoding = Decoding(
            self._tokenizer,
            settings,
            stops=[stop] if isinstance(stop, str) else stop,
            allow_eos=self._is_lines,
            batch_size=batch_size,
            skipped=len(start),
        )
        wanted = requests(self._tokenizer, prompts, num, start, on_unknown)
        return in_order(decoding.pieces(self._model, wanted), num)

    def complete(
        self,
        prompt: str,
        n: int = 5,
        *,
        words: int = 1,
        on_unknown: OnUnknown = warn_of_unknown,
    ) -> Suggestions:
        """Return the most probable ways to go on to the end of a word, each with its probability.

        A prompt that goes on from the one before it is not read from its beginning again.

        Args:
            prompt: The text so far; the word that it ends in is completed.
            n: How many ways; there may be fewer.
            words: How many words each ends, the one begun counted.
            on_unknown: Is told what the model has never seen in the prompt; a warning by default.

        Raises:
            UsageError: a number is out of range.
        """
        if self._completer is None:
            from textrnn.language_model.completion import Completer

            self._completer = Completer(self._model, self._tokenizer, is_lines=self._is_lines)
        return self._completer.complete(prompt, n, words=words, on_unknown=on_unknown)

    def score(self, text: str, *, top: int = 0) -> TextSurprise:
        """Return how surprising each token of a text is (``textrnn.language_model.surprise``).

        It runs on the device that the model was asked for, ``auto`` being any that torch finds, and in
        the training's precision.

        Args:
            text: A text; of a model of separate lines, lines.
            top: How many of the likeliest tokens are to be named for each place.

        Raises:
            UsageError: ``top`` is out of range.
        """
        if self._scorer is None:
            from textrnn.language_model.surprise import Scorer

            self._scorer = Scorer(self._bundle, device=self._asked_device)
        return self._scorer.score(text, top=top)

    def evaluate(self, *inputs: str | Path) -> Evaluation:
        """Measure texts: loss, perplexity, bits per character (``textrnn.language_model.evaluation``).

        It runs on the device and in the precision that the model was asked for; ``auto`` is then any
        that torch finds, and the training's.

        Args:
            *inputs: Files or folders.

        Raises:
            DataError: an input cannot be read, or there is no text in any.
        """
        from textrnn.language_model.evaluation import Evaluator

        evaluator = Evaluator(self._bundle, device=self._asked_device, precision=self._measured_in)
        return evaluator.evaluate([str(name) for name in inputs])

    def _require_end(
        self, settings: SamplingSettings, stop: str | Sequence[str], instead: str
    ) -> None:
        """Refuse a text without an end where all of it would have to be kept."""
        if settings.max_new_tokens == -1 and not stop and not self._is_lines:
            raise UsageError(
                "max_new_tokens is -1, and nothing else would end the text: give a stop string or "
                f"a number of tokens, or {instead}"
            )
