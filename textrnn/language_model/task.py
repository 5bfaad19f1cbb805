"""The language model as a task of the one training loop, and its exact evaluation."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from textrnn.data.store import TokenStore
from textrnn.errors import ModelError
from textrnn.language_model.model import Pricing, RecurrentLanguageModel
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.windows import (
    Window,
    document_windows,
    evaluation_windows,
    num_windows,
    stream_windows,
)
from textrnn.metrics import perplexity
from textrnn.nn.dropout import MaskSource
from textrnn.nn.recurrent import State, detach
from textrnn.training.interval import loss_fault
from textrnn.training.task import StepOutput

__all__ = [
    "LanguageModelTask",
    "Surprise",
    "as_read",
    "surprise",
    "text_characters",
    "to_device",
    "windows_per_epoch",
]

_SUMMED_AT_ONCE = 64
_LINES_AT_ONCE = 1 << 20
_WINDOWS = 1
"""Key of the random choices among windows, beside the seed and the epoch."""


@dataclass(frozen=True)
class Surprise:
    """What a text cost a model.

    Attributes:
        nats: Sum over targets.
        targets: Tokens predicted, each once.
    """

    nats: float
    targets: int


def surprise(model: Pricing, windows: Iterable[Window]) -> Surprise:
    """Sum the targets' surprise over windows, the state carried where they say so."""
    device = model.device
    total, targets = 0.0, 0
    # Sums of some windows stay on the device, in float32; their sum is Python's float.
    pending: list[Tensor] = []
    state: State = {}
    for window in windows:
        if window.fresh:
            state = model.start(len(window.ids))
        moved = to_device(window, device)
        nats, state = model.nats(moved.ids, moved.targets, state)
        pending.append(_counted(nats, moved))
        targets += window.num_targets
        if len(pending) == _SUMMED_AT_ONCE:
            total += sum(torch.stack(pending).tolist())
            pending.clear()
    if pending:
        total += sum(torch.stack(pending).tolist())
    return Surprise(total, targets)


def windows_per_epoch(store: TokenStore, settings: LanguageModelSettings) -> int:
    """Return the number of windows of an epoch, at least 1; of separate lines, nearly."""
    batch_size, seq_len = settings.batch_size or 1, settings.seq_len or 1
    if not settings.lines:
        return max(1, num_windows(len(store.ids), batch_size, seq_len))
    windows = 0
    for low in range(0, len(store.starts), _LINES_AT_ONCE):
        starts = np.asarray(store.starts[low : low + _LINES_AT_ONCE + 1])
        if len(starts) <= _LINES_AT_ONCE:
            starts = np.append(starts, len(store.ids))
        windows += int(((np.diff(starts) - 1 + seq_len - 1) // seq_len).sum())
    return max(1, round(windows / batch_size))


def text_characters(store: TokenStore, *, lines: bool) -> int:
    """Return the characters that a store's targets stand for, line ends included.

    With lines, each document's ``<eos>`` stands for the end of its line, which the store does not count.
    """
    return store.characters + (len(store.starts) if lines else 0)


def as_read(settings: LanguageModelSettings, store: TokenStore) -> TokenStore:
    """Return a store in the direction in which a model with these settings reads."""
    return store.reversed() if settings.reverse else store


class LanguageModelTask:
    """Next-token prediction over running text or over separate lines.

    Args:
        model: The network, on its device.
        settings: Resolved settings.
        train: Training tokens.
        valid: Validation tokens.
        sampler: Makes a sample of the model's text at a step; None for no samples.
        is_lossless: Whether the tokens hold all of the text.
    """

    job = "language-model"
    metric = "valid_loss"
    maximize = False

    def __init__(
        self,
        model: RecurrentLanguageModel,
        settings: LanguageModelSettings,
        train: TokenStore,
        valid: TokenStore,
        sampler: Callable[[Mapping[str, Tensor], int], str] | None = None,
        *,
        is_lossless: bool = True,
    ) -> None:
        self.model = model
        # Twice the loss of a guess at random, and a little for tiny vocabularies.
        self.most_loss = 2 * math.log(model.output.out_features) + 1
        self._settings = settings
        self._train = train
        self._valid = valid
        self._sampler = sampler
        self._is_lossless = is_lossless
        self._device = model.device
        self._per_epoch = windows_per_epoch(train, settings)

    def batches(self, epoch: int, start: int) -> Iterator[Window]:
        """Yield the windows of an epoch; see ``textrnn.training.task.Task``."""
        s = self._settings
        rng = np.random.default_rng([s.seed, _WINDOWS, epoch])
        cut = document_windows if s.lines else stream_windows
        return cut(self._train, s.batch_size or 1, s.seq_len or 1, rng, start)

    def batches_per_epoch(self) -> int:
        """Return the number of windows of an epoch; for lines, of the first one."""
        return self._per_epoch

    def start(self, rows: int) -> State:
        """Return the state at the start of so many windows."""
        return self.model.start(rows)

    def step(self, batch: Window, state: State | None, masks: MaskSource) -> StepOutput:
        """Run a window forward."""
        window = to_device(batch, self._device)
        rows = len(window.ids)
        carried = self.model.start(rows) if state is None else state
        if state is not None and any(len(tensor) != rows for tensor in state.values()):
            # The kernels would take it at its word.
            raise ModelError(
                "the carried state is of other sequences; the training state is damaged"
            )
        loss, new = self.model.loss(window.ids, window.targets, window.weights, carried, masks)
        return StepOutput(loss, detach(new))

    def split(
        self, batch: Window, state: State | None, parts: int
    ) -> list[tuple[Window, State | None]]:
        """Cut a window and its state by rows."""
        rows = np.array_split(np.arange(len(batch.ids)), min(parts, len(batch.ids)))
        cut: list[tuple[Window, State | None]] = []
        for part in rows:
            low, high = int(part[0]), int(part[-1]) + 1
            weights = None if batch.weights is None else batch.weights[low:high]
            number = batch.ids[low:high].numel() if weights is None else int(weights.sum())
            window = dataclasses.replace(
                batch,
                ids=batch.ids[low:high],
                targets=batch.targets[low:high],
                weights=weights,
                num_targets=number,
            )
            own = None if state is None else {name: t[low:high] for name, t in state.items()}
            cut.append((window, own))
        return cut

    def join(self, states: list[State]) -> State:
        """Put the parts' states together again."""
        return {name: torch.cat([state[name] for state in states]) for name in states[0]}

    def evaluate(self, most_targets: int | None) -> dict[str, float | None]:
        """Return ``valid_loss``, ``valid_perplexity`` and ``bits_per_char``.

        All None without validation data. Bits per character count characters, whatever the tokens are;
        None where the tokens lose something of the text, for then the model has not accounted for all of
        it. Where only a part is evaluated, the whole's ratio of characters to tokens stands for
        the part's.
        """
        if not self._valid.tokens:
            return {"valid_loss": None, "valid_perplexity": None, "bits_per_char": None}
        spent = surprise(self.model, evaluation_windows(self._valid, None, most_targets))
        loss = spent.nats / max(1, spent.targets)
        ratio = self._valid.tokens / max(
            1, text_characters(self._valid, lines=self._settings.lines)
        )
        is_whole = self._is_lossless and not self._valid.unknown
        bits = loss / math.log(2) * ratio if is_whole else None
        return {"valid_loss": loss, "valid_perplexity": perplexity(loss), "bits_per_char": bits}

    def fault(self, metrics: Mapping[str, float | None]) -> str | None:
        """Return what is wrong where the validation loss exploded or is not finite, or None."""
        loss = metrics["valid_loss"]
        return None if loss is None else loss_fault(loss, self.most_loss)

    def train_metrics(self, means: Mapping[str, float]) -> dict[str, float]:
        """Return the training loss as bits per character, where the tokens hold all of the text."""
        if self._train.unknown or not self._is_lossless:
            return {}
        characters = text_characters(self._train, lines=self._settings.lines)
        per_char = self._train.tokens / max(1, characters)
        return {"train_bits_per_char": means["loss"] / math.log(2) * per_char}

    def group(self, name: str) -> str:  # noqa: ARG002
        """Return the one group that all parameters learn in."""
        return ""

    def rate_share(self, group: str, progress: float) -> float:  # noqa: ARG002
        """Return 1."""
        return 1.0

    def conclude(self, metrics: Mapping[str, float | None]) -> dict[str, float | None]:  # noqa: ARG002
        """Return nothing: all that there is has been validated on."""
        return {}

    def sample(self, step: int) -> str | None:
        """Return a short text of the model's making."""
        return self._sampler(self.model.tensors(), step) if self._sampler else None


def _counted(nats: Tensor, window: Window) -> Tensor:
    """Return the sum over the targets that count."""
    return nats.sum() if window.weights is None else (nats * window.weights).sum()


def to_device(window: Window, device: torch.device) -> Window:
    """Return the window on a device; copies to a GPU do not wait for it."""
    if device.type == "cpu":
        return window

    def move(tensor: Tensor) -> Tensor:
        pinned = tensor.contiguous().pin_memory() if device.type == "cuda" else tensor
        return pinned.to(device, non_blocking=True)

    weights = None if window.weights is None else move(window.weights)
    return dataclasses.replace(
        window, ids=move(window.ids), targets=move(window.targets), weights=weights
    )
