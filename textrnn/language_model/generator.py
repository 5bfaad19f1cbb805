"""A trained language model in use: what ``textrnn.load`` returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from textrnn.bundle import Bundle
from textrnn.config import as_dict, make
from textrnn.decoding.protocol import StepModel
from textrnn.decoding.sampling import SamplingSettings, with_seed
from textrnn.decoding.text import Decoding, Piece, Request, in_order
from textrnn.decoding.threads import set_threads, tune_threads
from textrnn.errors import ModelError, UsageError
from textrnn.language_model.prompts import OnUnknown, UnknownText, start_ids, warn_of_unknown
from textrnn.language_model.stepper import make_stepper, model_settings
from textrnn.tokenizers import substitute
from textrnn.tokenizers.base import NUM_SPECIAL, Ids, Tokenizer

if TYPE_CHECKING:
    from textrnn.language_model.evaluation import Evaluation

__all__ = ["BATCH_SIZE", "Completion", "LanguageModel", "pick_generation_device", "sample_text"]

BATCH_SIZE = 64
"""Texts made at a time where nothing else is asked for."""

_GPU_PARAMETERS = 30_000_000
"""Recurrent weights from which a step on a CPU takes milliseconds, and a GPU is worth starting."""


class Completion(NamedTuple):
    """A whole text.

    Attributes:
        prompt: The prompt, which the text does not repeat.
        text: What was generated.
        finish: Why it ends: ``stop`` (a stop string), ``end`` (the model ended it) or ``length``.
    """

    prompt: str
    text: str
    finish: str


class LanguageModel:
    """Generates text.

    Sampling options are the fields of ``textrnn.decoding.sampling.SamplingSettings``, given by
    name: ``temperature=0.8, top_p=0.9, seed=1``, …

    Args:
        bundle: An opened model directory of a language model.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``. ``auto`` takes the CPU for all
            but large models, whose steps a GPU can speed up; the CPU needs no torch, which takes
            seconds to start.
        threads: CPU threads of matrix products in this process; None leaves them as they are, see
            :meth:`tune_threads`.

    Raises:
        ModelError: the model's settings are wrong, or its files do not fit together.
        UsageError: not the name of a device.
        DeviceError: no such device.
    """

    def __init__(self, bundle: Bundle, device: str = "auto", *, threads: int | None = None) -> None:
        if threads is not None:
            set_threads(threads)
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
        self._device = pick_generation_device(device, tensors)
        self._model: StepModel[Any] = make_stepper(tensors, self._settings, self._device, where)
        _check_vocabulary(self._tokenizer, self._model.vocab_size, where)

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

    def tune_threads(self, rows: int = 1) -> None:
        """Set the CPU threads of this process to what is fastest here and now, by a measurement.

        It takes milliseconds for ``rows=1``. Programs that do nothing else but generate gain by it.

        Args:
            rows: Texts made at a time.
        """
        if self._device == "cpu":
            tune_threads(self._model, rows)

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

        Yields:
            ``num`` texts for the first prompt, then as many for the second, and so on.
        """
        given: dict[int, str] = {}

        def noted() -> Iterator[str]:
            for number, prompt in enumerate(prompts):
                given[number] = prompt
                yield prompt

        parts: list[str] = []
        for piece in self.pieces(
            noted(), num=num, stop=stop, batch_size=batch_size, on_unknown=on_unknown, **sampling
        ):
            parts.append(piece.text)
            if piece.finish:
                is_last = piece.sample + 1 == num
                prompt = given.pop(piece.prompt) if is_last else given[piece.prompt]
                yield Completion(prompt, "".join(parts), piece.finish)
                parts.clear()

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
        requests = self._requests(prompts, num, start, on_unknown)
        return in_order(decoding.pieces(self._model, requests), num)

    def evaluate(self, *inputs: str | Path) -> Evaluation:
        """Measure texts: loss, perplexity, bits per character (``textrnn.language_model.evaluation``).

        It runs on the device that the model was asked for; ``auto`` is then any that torch finds.

        Args:
            *inputs: Files or folders.

        Raises:
            DataError: an input cannot be read, or there is no text in any.
        """
        from textrnn.language_model.evaluation import Evaluator

        evaluator = Evaluator(self._bundle, device=self._asked_device)
        return evaluator.evaluate([str(name) for name in inputs])

    def _requests(
        self, prompts: Iterable[str], num: int, start: Ids, on_unknown: OnUnknown
    ) -> Iterator[Request]:
        for number, prompt in enumerate(prompts):
            text, unknown = substitute(self._tokenizer, prompt)
            if unknown:
                on_unknown(UnknownText(prompt, unknown, text))
            ids = np.concatenate((start, self._tokenizer.encode(text)))
            yield from (Request(number, sample, ids, prompt) for sample in range(num))

    def _require_end(
        self, settings: SamplingSettings, stop: str | Sequence[str], instead: str
    ) -> None:
        """Refuse a text without an end where all of it would have to be kept."""
        if settings.max_new_tokens == -1 and not stop and not self._is_lines:
            raise UsageError(
                "max_new_tokens is -1, and nothing else would end the text: give a stop string or "
                f"a number of tokens, or {instead}"
            )


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


def pick_generation_device(device: str, tensors: Mapping[str, Any]) -> str:
    """Return the device to generate on: ``cpu`` wherever torch need not be started.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        tensors: The model's weights.

    Raises:
        UsageError: not the name of a device.
        DeviceError: no such device on this machine.
    """
    if device == "auto":
        recurrent = sum(t.size for name, t in tensors.items() if name.startswith("recurrent."))
        # A look at the driver instead of a question to torch, which takes seconds to start.
        is_gpu_likely = Path("/dev/nvidiactl").exists()
        if recurrent < _GPU_PARAMETERS or not is_gpu_likely:
            return "cpu"
    elif device == "cpu":
        return device
    from textrnn.training.device import pick_device

    return str(pick_device(device))


def _check_vocabulary(tokenizer: Tokenizer, vocab_size: int, where: str) -> None:
    """Raise a ModelError where a tokenizer and weights do not belong together."""
    if tokenizer.vocab_size != vocab_size or vocab_size <= NUM_SPECIAL:
        raise ModelError(
            f"{where}: the tokenizer has {tokenizer.vocab_size} ids and the weights have "
            f"{vocab_size}; the model is damaged"
        )
