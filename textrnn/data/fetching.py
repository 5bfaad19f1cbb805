"""A file of the web, fetched whole or not at all: resumed where it broke off, compared with its digest."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from textrnn._version import __version__
from textrnn.data.sources import Report
from textrnn.errors import DataError

__all__ = ["Download", "fetch_file"]

_BLOCK = 1 << 16
_TIMEOUT_S = 30.0
_TRIES = 5
"""Attempts in a row that bring nothing before a server is given up."""
_REPORT_EVERY_S = 5.0
_PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Answers of a server that may be others a moment later."""


@dataclass(frozen=True)
class Download:
    """What is to be fetched.

    Attributes:
        name: What messages call it.
        url: Where it lies.
        bytes: Its size; None where that is not known.
        sha256: Hex digest of its bytes; None where that is not known.
        advice: What to do where it cannot be had, for messages.
    """

    name: str
    url: str
    bytes: int | None = None
    sha256: str | None = None
    advice: str = "try again later, or give a file of your own"


def fetch_file(
    wanted: Download,
    target: Path,
    *,
    partials: Path,
    report: Report = lambda _: None,
    pause_s: float = 1.0,
) -> str:
    """Fetch a file; what has come is kept where it breaks off, and the next attempt goes on from there.

    Args:
        wanted: What to fetch.
        target: Where it goes. It is there in full when this returns, and not at all when it raises.
        partials: A folder for what has come of files that are not complete.
        report: Told every few seconds how far it has come.
        pause_s: Seconds before the second attempt; twice as many before each further one.

    Returns:
        Hex digest of its bytes.

    Raises:
        DataError: it cannot be had, or is not what was expected.
        OSError: it cannot be written.
    """
    kept = partials / hashlib.sha256(wanted.url.encode()).hexdigest()
    transfer = _Transfer(wanted, target.with_name(f"{target.name}.part"), report, pause_s)
    transfer.take_up(kept)
    try:
        resumed = transfer.resumed
        transfer.run()
        try:
            digest = transfer.check()
        except DataError:
            if not resumed:
                raise
            # Halves of two files, perhaps: the whole, from one place.
            transfer.drop()
            transfer.run()
            digest = transfer.check()
    except BaseException:
        transfer.put_by(kept)
        raise
    transfer.part.replace(target)
    return digest


class _Transfer:
    """One file on its way, in ``part``."""

    def __init__(self, wanted: Download, part: Path, report: Report, pause_s: float) -> None:
        self.part = part
        self.resumed = False
        self._wanted = wanted
        self._report = report
        self._pause_s = pause_s
        self._validator = ""
        self._due = time.monotonic() + _REPORT_EVERY_S

    def take_up(self, kept: Path) -> None:
        """Take what an earlier attempt left; only one process can move it, so that nobody shares it."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            about = kept.with_suffix(".json")
            note = json.loads(about.read_text(encoding="utf-8"))
            kept.replace(self.part)
            about.unlink()
            self._validator = str(note["validator"])
            self.resumed = True

    def put_by(self, kept: Path) -> None:
        """Leave what has come for the next attempt, where the server can tell that it is the same file."""
        with contextlib.suppress(OSError):
            if self._size() and self._validator:
                kept.parent.mkdir(parents=True, exist_ok=True)
                note = json.dumps({"url": self._wanted.url, "validator": self._validator})
                kept.with_suffix(".json").write_text(note, encoding="utf-8")
                self.part.replace(kept)
        self.part.unlink(missing_ok=True)

    def drop(self) -> None:
        """Forget what has come."""
        self.part.unlink(missing_ok=True)
        self._validator = ""

    def run(self) -> None:
        """Fetch to the end."""
        idle = 0
        while True:
            before = self._size()
            try:
                if self._attempt():
                    return
                problem = "the connection broke off"
            except urllib.error.HTTPError as error:
                problem = self._answered(error)
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, OSError) and error.filename is not None:
                    raise  # of this machine's disk
                problem = _reason(error)
                if _is_offline(error):
                    raise self._unreachable(problem) from None
            idle = 0 if self._size() > before else idle + 1
            if idle >= _TRIES:
                raise self._unreachable(problem)
            time.sleep(min(self._pause_s * 2 ** max(0, idle - 1), 30.0))

    def check(self) -> str:
        """Return the digest of what has come.

        Raises:
            DataError: it is not what was expected; it is gone then.
        """
        wanted, size = self._wanted, self._size()
        digest = hashlib.sha256()
        with self.part.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        found = digest.hexdigest()
        problem = ""
        if wanted.sha256 is not None and found != wanted.sha256:
            problem = f"its SHA-256 is {found}, not {wanted.sha256}"
        elif wanted.bytes is not None and size != wanted.bytes:
            problem = f"it has {size:,} bytes, not {wanted.bytes:,}"
        if problem:
            self.drop()
            raise DataError(
                f"{wanted.name}: {wanted.url} is not the file that was expected: {problem}; nothing of "
                f"it was kept: {wanted.advice}"
            )
        return found

    def _attempt(self) -> bool:
        """Ask for what is missing; return whether it has all come."""
        have = self._size()
        if self._wanted.bytes is not None and have == self._wanted.bytes:
            return True
        request = urllib.request.Request(self._wanted.url)  # noqa: S310  (from the catalogue)
        request.add_header("User-Agent", f"textrnn/{__version__}")
        request.add_header("Accept-Encoding", "identity")
        if have and self._validator:
            request.add_header("Range", f"bytes={have}-")
            request.add_header("If-Range", self._validator)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            goes_on = answer.status == 206 and _starts_at(answer) == have
            if answer.status == 206 and not goes_on:
                self.drop()
                return False
            self._validator = _validator(answer)
            length = answer.headers.get("Content-Length")
            total = (have if goes_on else 0) + int(length) if length else None
            with self.part.open("ab" if goes_on else "wb") as file:
                self._receive(answer.read1, file, total or self._wanted.bytes)
        return total is None or self._size() >= total

    def _receive(self, read: Callable[[int], bytes], file: BinaryIO, total: int | None) -> None:
        while block := read(_BLOCK):
            file.write(block)
            if time.monotonic() >= self._due:
                self._due = time.monotonic() + _REPORT_EVERY_S
                of = f" of {total / 1e6:,.1f}" if total else ""
                self._report(f"{self._wanted.name}: fetched {file.tell() / 1e6:,.1f}{of} MB")

    def _answered(self, error: urllib.error.HTTPError) -> str:
        """Return what a server's refusal was, where another attempt may help."""
        if error.code == 416:
            self.drop()
            return "the server cannot go on where the transfer broke off"
        if error.code in _PASSING:
            return f"the server answers {error.code} {error.reason}"
        raise DataError(
            f"{self._wanted.name}: {self._wanted.url} cannot be had: the server answers {error.code} "
            f"{error.reason}; {self._wanted.advice}"
        ) from None

    def _unreachable(self, problem: str) -> DataError:
        come = self._size()
        kept = f", with {come:,} bytes come and kept" if come and self._validator else ""
        return DataError(
            f"{self._wanted.name}: {self._wanted.url} cannot be reached: {problem}{kept}; "
            f"{self._wanted.advice}"
        )

    def _size(self) -> int:
        try:
            return self.part.stat().st_size
        except OSError:
            return 0


def _validator(answer: http.client.HTTPResponse) -> str:
    """Return what tells this state of a file from others; empty where the server does not say."""
    tag = answer.headers.get("ETag", "")
    # A weak tag promises no equal bytes.
    return tag if tag and not tag.startswith("W/") else str(answer.headers.get("Last-Modified", ""))


def _starts_at(answer: http.client.HTTPResponse) -> int:
    """Return from where on an answer gives a file's bytes; -1 where it does not say."""
    unit, _, span = answer.headers.get("Content-Range", "").partition(" ")
    first = span.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdecimal() else -1


def _is_offline(error: Exception) -> bool:
    """Tell whether nobody is at the other end, so that no patience helps."""
    inner = getattr(error, "reason", error)
    nobody = (errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH)
    return isinstance(inner, socket.gaierror) or getattr(inner, "errno", None) in nobody


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    return str(getattr(inner, "strerror", None) or inner) or type(inner).__name__
