"""Signals: the first asks a run to save and end, the second ends the command at once."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType

__all__ = ["StopSignals", "Terminated", "ignore_signals", "raise_on_termination"]

_ASKING = ("SIGINT", "SIGTERM", "SIGHUP")

_ONE_PRESS_S = 0.3
"""Signals so close together come from one cause: a wrapper may pass on what the group got already."""


class Terminated(BaseException):
    """A signal other than Ctrl-C ends the command; ``exit_code`` is 128 plus its number."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.exit_code = 128 + signal_number


def raise_on_termination() -> None:
    """Let SIGTERM unwind the command, so that temporary files go and locks are released."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _raise)


def ignore_signals() -> None:
    """Ignore every signal that asks the command to end: it is ending, and how is decided."""
    if threading.current_thread() is threading.main_thread():
        for name in _ASKING:
            number = getattr(signal, name, None)
            if number is not None:
                signal.signal(number, signal.SIG_IGN)


def _raise(number: int, _: FrameType | None) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated(number)


class StopSignals:
    """Turns signals into a request that a training loop can ask for; a context manager.

    Before :meth:`arm` a signal ends the command at once.
    """

    def __init__(self) -> None:
        self._armed = False
        self._pending: int | None = None
        self._came_s = 0.0
        self._previous: dict[int, object] = {}

    def __enter__(self) -> StopSignals:
        """Take the signals over; SIGHUP stays ignored where it is, as ``nohup`` wants it."""
        if threading.current_thread() is not threading.main_thread():
            return self
        for name in _ASKING:
            number = getattr(signal, name, None)
            if number is None:
                continue
            previous = signal.getsignal(number)
            if name == "SIGHUP" and previous is signal.SIG_IGN:
                continue
            self._previous[number] = previous
            signal.signal(number, self._take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the former handlers back."""
        for number, previous in self._previous.items():
            signal.signal(number, previous)  # type: ignore[arg-type]

    def arm(self) -> None:
        """From now on the first signal only asks."""
        self._armed = True

    def settle(self) -> None:
        """From now on signals are ignored, for good: the outcome is decided."""
        if self._previous:
            self._previous.clear()
            ignore_signals()

    def ask(self, number: int) -> None:
        """Ask as a signal of this number would."""
        if self._pending is None:
            self._pending, self._came_s = number, time.monotonic()

    def pending(self) -> int | None:
        """Return the number of the signal that asks the run to save and end, or None."""
        return self._pending

    def _take(self, number: int, frame: FrameType | None) -> None:
        if not self._armed:
            _raise(number, frame)
        if self._pending is None:
            self.ask(number)
        elif time.monotonic() - self._came_s > _ONE_PRESS_S:
            _raise(number, frame)
