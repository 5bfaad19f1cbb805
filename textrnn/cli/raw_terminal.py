"""A terminal that hands over every key at once, and is always put back as it was."""

from __future__ import annotations

import codecs
import os
import re
import select
import signal
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from textrnn.errors import UsageError

__all__ = ["RawTerminal", "keys_of"]

_NAMES = {
    "\t": "tab",
    "\r": "enter",
    "\n": "enter",
    "\x04": "end-of-file",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x17": "delete-word",
    "\x15": "delete-line",
    "\x01": "home",
    "\x05": "end",
    "\x02": "left",
    "\x06": "right",
    "\x10": "up",
    "\x0e": "down",
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1b[C": "right",
    "\x1b[D": "left",
    "\x1b[H": "home",
    "\x1b[F": "end",
    "\x1b[1~": "home",
    "\x1b[4~": "end",
    "\x1b[3~": "delete",
    "\x1b[Z": "up",
}
_KEY = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O.)|\x1b[^\x1b]?|.", re.DOTALL)

_ESCAPE_WAIT_S = 0.02
"""How long the rest of an escape sequence may take to come."""


def keys_of(text: str) -> list[str]:
    """Return the keys that make a terminal send a text: characters, and names of the others."""
    keys = []
    for found in _KEY.finditer(text):
        # Keypads send ESC O where they send ESC [ at other times.
        sent = found[0].replace("\x1bO", "\x1b[", 1)
        if sent in _NAMES:
            keys.append(_NAMES[sent])
        elif len(sent) == 1 and sent.isprintable():
            keys.append(sent)
        else:
            keys.append("unknown")
    return keys


class RawTerminal:
    """Reads keys from stdin; a context manager.

    Keys that send signals keep doing so. Whatever ends the block, the terminal is put back; while the
    program is stopped (Ctrl-Z) it is as it was before, too.

    Args:
        on_stop: Is called before the program stops.

    Raises:
        UsageError: the system has no such terminals.
    """

    def __init__(self, on_stop: Callable[[], None] = lambda: None) -> None:
        self._on_stop = on_stop
        try:
            import termios
            import tty
        except ImportError:
            raise UsageError("--interactive needs a terminal as Unix has them") from None
        self._termios, self._tty = termios, tty
        self._file = sys.stdin.fileno()
        self._before: list[Any] = termios.tcgetattr(self._file)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._handlers: dict[int, Any] = {}
        self._pushed: list[str] = []
        self._woken, self._wake = os.pipe()
        self._wakeup = -1
        os.set_blocking(self._wake, False)

    def __enter__(self) -> RawTerminal:
        # Whichever thread a signal comes to, what waits for keys is woken, and heeds it.
        self._wakeup = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        self._handle(signal.SIGTSTP, self._stop)
        self._handle(signal.SIGWINCH, lambda *_: None)
        try:
            self._seize()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the terminal back."""
        self._release()
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._woken)
        os.close(self._wake)

    def keys(self) -> list[str]:
        """Wait for keys and return them; none where the terminal has changed and is to be drawn again.

        At the end of the input the one key is ``end-of-file``.
        """
        if self._pushed:
            keys, self._pushed = self._pushed, []
            return keys
        ready, _, _ = select.select([self._file, self._woken], [], [])
        if self._woken in ready:
            os.read(self._woken, 1024)
            return []
        try:
            content = os.read(self._file, 1024)
        except OSError:  # the terminal is gone
            content = b""
        if not content:
            return ["end-of-file"]
        text = self._decoder.decode(content)
        while text.endswith(("\x1b", "\x1b[", "\x1bO")) and self.is_waiting(_ESCAPE_WAIT_S):
            text += self._decoder.decode(os.read(self._file, 1024))
        return keys_of(text)

    def push_back(self, keys: list[str]) -> None:
        """Let :meth:`keys` return these once more, first."""
        self._pushed = keys + self._pushed

    @property
    def pushed(self) -> tuple[str, ...]:
        """The keys that were pushed back."""
        return tuple(self._pushed)

    def is_waiting(self, patience_s: float = 0.0) -> bool:
        """Return whether more keys have been pressed."""
        return bool(self._pushed) or bool(select.select([self._file], [], [], patience_s)[0])

    def _handle(self, number: int, handler: Callable[[int, FrameType | None], None]) -> None:
        self._handlers[number] = signal.signal(number, handler)

    def _seize(self) -> None:
        self._tty.setcbreak(self._file, self._termios.TCSANOW)

    def _release(self) -> None:
        self._termios.tcsetattr(self._file, self._termios.TCSANOW, self._before)

    def _stop(self, number: int, _: FrameType | None) -> None:
        """Stop as asked, the terminal as it was; go on where the shell lets the program go on."""
        self._on_stop()
        self._release()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._stop)
        self._before = self._termios.tcgetattr(self._file)
        self._seize()
