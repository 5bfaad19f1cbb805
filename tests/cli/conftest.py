"""Running commands: inside the test process, or as processes of their own."""

import io
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from textrnn.cli import entry, options

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TINY = (
    *("--hidden-size", "16", "--max-steps", "20", "--batch-size", "4", "--seq-len", "16"),
    *("--eval-every", "10", "--threads", "1"),
)
WORDS = [
    "the",
    "a",
    "cat",
    "dog",
    "runs",
    "sees",
    "blue",
    "red",
    "house",
    "and",
    "then",
    "over",
    "it",
]


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict]:
        """The lines of JSON on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Result]


@pytest.fixture(scope="session")
def tiny() -> tuple[str, ...]:
    """Options that make training a matter of a second."""
    return TINY


@pytest.fixture(scope="session")
def text() -> str:
    rng = random.Random(1)
    lines = (" ".join(rng.choices(WORDS, k=rng.randint(3, 9))).capitalize() for _ in range(300))
    return ".\n".join(lines) + ".\n"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of every command: a cache of the tests' own, one thread."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEXTRNN_")}
    cache = str(tmp_path_factory.mktemp("cache"))
    return {**kept, "TEXTRNN_CACHE": cache, "TEXTRNN_THREADS": "1"}


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
    environment: dict[str, str],
    tmp_path: Path,
) -> Iterator[Command]:
    """Run a command inside this process, in ``tmp_path``; warnings are errors."""
    for name in [name for name in os.environ if name.startswith("TEXTRNN_")]:
        monkeypatch.delenv(name)
    for name in ("TEXTRNN_CACHE", "TEXTRNN_THREADS"):
        monkeypatch.setenv(name, environment[name])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "warnoptions", ["error"])
    monkeypatch.setattr(options, "_is_debugging", False)
    previous = {number: signal.getsignal(number) for number in SIGNALS}

    def run(*arguments: object, stdin: bytes | str | None = b"", **variables: str) -> Result:
        content = stdin.encode() if isinstance(stdin, str) else stdin
        stream = None if content is None else io.TextIOWrapper(io.BytesIO(content))
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", stream)
            for name, value in variables.items():
                patch.setenv(name, value)
            # A command that has ended ignores signals.
            for number, handler in previous.items():
                signal.signal(number, handler)
            capsysbinary.readouterr()
            code = entry.run([str(argument) for argument in arguments])
        captured = capsysbinary.readouterr()
        return Result(code, captured.out.decode(), captured.err.decode())

    yield run
    for number, handler in previous.items():
        signal.signal(number, handler)


@pytest.fixture
def process(environment: dict[str, str], tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Start a command as a process, in ``tmp_path``."""

    def start(*arguments: object, **keywords: object) -> subprocess.Popen[bytes]:
        streams = {"stdin": subprocess.DEVNULL, "stdout": -1, "stderr": -1}
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "textrnn", *map(str, arguments)],
            **{"cwd": tmp_path, "env": environment, **streams, **keywords},
        )

    return start


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], text: str
) -> Path:
    """A folder with a text and a model trained on it; tests do not change it."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "book.txt").write_text(text, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "textrnn", "train", "lm", "book.txt", *TINY],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="session")
def model(trained: Path) -> Path:
    """A trained model; tests do not change it."""
    return trained / "book-lm"


@pytest.fixture
def book(tmp_path: Path, text: str) -> Path:
    """A text of the test's own."""
    path = tmp_path / "book.txt"
    path.write_text(text, encoding="utf-8")
    return path
