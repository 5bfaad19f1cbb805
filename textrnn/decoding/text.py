"""From requests to text, piece by piece, as it is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from textrnn.decoding.batch import SampledBatch, read_prompts
from textrnn.decoding.protocol import StepModel
from textrnn.decoding.randomness import row_key
from textrnn.decoding.sampling import Sampler, SamplingSettings
from textrnn.decoding.stopping import StopFilter
from textrnn.tokenizers.base import EOS_ID, Tokenizer

__all__ = ["Decoding", "Piece", "Request", "in_order"]

StateT = TypeVar("StateT")


class Request(NamedTuple):
    """One text to be made.

    Attributes:
        prompt: Number of its prompt among all prompts, from 0.
        sample: Its number among the texts of that prompt, from 0.
        ids: What the model reads first: at least one id.
        text: The prompt as the user gave it, which keys the random numbers.
    """

    prompt: int
    sample: int
    ids: npt.NDArray[np.integer]
    text: str


class Piece(NamedTuple):
    """A part of a text.

    Attributes:
        prompt: Number of the text's prompt.
        sample: Number of the text among those of its prompt.
        text: What is added to it: whole characters, possibly none.
        finish: Empty while the text goes on; in its last piece why it ends: ``stop`` (a stop
            string), ``end`` (the model ended it) or ``length`` (the greatest number of tokens).
    """

    prompt: int
    sample: int
    text: str
    finish: str


class Decoding:
    """How a model's texts are made.

    Args:
        tokenizer: Turns ids into text.
        settings: Its ``seed`` must be set unless the temperature is 0.
        stops: Stop strings.
        allow_eos: Whether the model may end a text.
        batch_size: Texts made at a time, at most.
        skipped: Ids at each request's beginning that are no part of its prompt.

    Raises:
        UsageError: an empty stop string.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        settings: SamplingSettings,
        *,
        stops: Sequence[str] = (),
        allow_eos: bool = False,
        batch_size: int = 64,
        skipped: int = 0,
    ) -> None:
        StopFilter(stops)
        self._tokenizer = tokenizer
        self._settings = settings
        self._stops = stops
        self._sampler = Sampler(settings, allow_eos=allow_eos)
        self._batch_size = batch_size
        self._skipped = skipped

    def pieces(self, model: StepModel[StateT], requests: Iterable[Request]) -> Iterator[Piece]:
        """Make the texts that are asked for.

        Args:
            model: What says which tokens may follow.
            requests: Read as far as the next batch needs them; those of one prompt in a row.

        Yields:
            The texts' pieces as they are made, those of a batch mixed; each text's last one says
            why it ends.
        """
        waiting = iter(requests)
        while chunk := list(islice(waiting, self._batch_size)):
            yield from self._pieces_of_batch(model, chunk)

    def _pieces_of_batch(
        self, model: StepModel[StateT], requests: list[Request]
    ) -> Iterator[Piece]:
        limit = self._settings.max_new_tokens
        if limit == 0:
            yield from (Piece(r.prompt, r.sample, "", "length") for r in requests)
            return
        batch = self._start(model, requests)
        rows = [_Row(request, self._tokenizer, self._stops, limit) for request in requests]
        while rows:
            is_any_finished = False
            for row, token in zip(rows, batch.next_ids().tolist(), strict=True):
                text = row.feed(token)
                if text or row.finish:
                    is_any_finished |= bool(row.finish)
                    yield Piece(row.prompt, row.sample, text, row.finish)
            if is_any_finished:
                kept = [number for number, row in enumerate(rows) if not row.finish]
                rows = [rows[number] for number in kept]
                if rows:
                    batch.keep(kept)

    def _start(self, model: StepModel[StateT], requests: list[Request]) -> SampledBatch[StateT]:
        """Read the prompts, each once, however many texts it is to get."""
        first_rows: dict[int, int] = {}
        for row, request in enumerate(requests):
            first_rows.setdefault(request.prompt, row)
        state = read_prompts(model, [requests[row].ids for row in first_rows.values()])
        if len(first_rows) < len(requests):
            places = {prompt: place for place, prompt in enumerate(first_rows)}
            state = model.reorder(state, np.array([places[r.prompt] for r in requests], np.int64))
        settings = self._settings
        keys = [row_key(settings.seed or 0, request.text, request.sample) for request in requests]
        return SampledBatch(
            model,
            self._sampler,
            state,
            [request.ids for request in requests],
            np.array(keys, np.uint64),
            window=settings.repetition_window if settings.repetition_penalty != 1 else 0,
            skipped=self._skipped,
        )


class _Row:
    """One text in the making: from ids to whole characters, up to a stop string or the end."""

    def __init__(
        self, request: Request, tokenizer: Tokenizer, stops: Sequence[str], limit: int
    ) -> None:
        self.prompt = request.prompt
        self.sample = request.sample
        self.finish = ""
        self._decoder = tokenizer.stream_decoder()
        for token in request.ids.tolist():  # what joins pieces by spaces goes on from the prompt
            self._decoder.feed(token)
        self._stops = StopFilter(stops)
        self._left = limit

    def feed(self, token: int) -> str:
        """Take one more token; return the text now certain and set ``finish`` at the end."""
        self._left -= 1
        if token == EOS_ID:
            return self._end("end")
        text = self._stops.feed(self._decoder.feed(token))
        if self._stops.is_stopped:
            self.finish = "stop"
        elif self._left == 0:
            text += self._end("length")
        return text

    def _end(self, reason: str) -> str:
        # A character that the last token left incomplete would come out as U+FFFD: it is dropped.
        text = self._stops.feed(self._decoder.flush().rstrip("\ufffd"))
        self.finish = "stop" if self._stops.is_stopped else reason
        return text + self._stops.flush()


def in_order(pieces: Iterable[Piece], num: int) -> Iterator[Piece]:
    """Put mixed pieces in order: each text as a whole, the first as it comes.

    What belongs to later texts is held back meanwhile.

    Args:
        pieces: As :meth:`Decoding.pieces` yields them.
        num: Texts per prompt.
    """
    held: dict[tuple[int, int], list[Piece]] = {}
    current = (0, 0)
    for piece in pieces:
        place = (piece.prompt, piece.sample)
        if place != current:
            held.setdefault(place, []).append(piece)
            continue
        yield piece
        while piece.finish:
            prompt, sample = current
            current = (prompt, sample + 1) if sample + 1 < num else (prompt + 1, 0)
            waiting = held.pop(current, [])
            yield from waiting
            if not waiting:
                break
            piece = waiting[-1]
