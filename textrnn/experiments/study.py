"""A study's memory: what is searched and every trial so far, in one SQLite file.

Several processes may work on one study, and any may be killed at any moment. Everything that is decided
is written in one transaction. A process holds a file lock for each trial that it runs, and so does the
training process itself; the system releases it when both are gone, whatever ended them, so that a trial
marked as running whose lock is free is known to be abandoned.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from textrnn.errors import ModelError, TrainingError
from textrnn.experiments.locks import hold, is_held
from textrnn.experiments.trial import Claim, Trial

__all__ = ["FILE", "MOST_ATTEMPTS", "Study", "Suggest"]

FILE = "study.db"
VERSION = 1
MOST_ATTEMPTS = 3
"""A trial that was abandoned so often counts as failed: it may be what ends the machine."""
_PATIENCE_S = 60.0
"""How long to wait for another process that is writing."""

_SCHEMA = (
    "CREATE TABLE study (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE trials (
        number INTEGER PRIMARY KEY, state TEXT NOT NULL, settings TEXT NOT NULL,
        resolved TEXT NOT NULL DEFAULT '{}', value REAL, metrics TEXT NOT NULL DEFAULT '{}',
        message TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 1,
        steps INTEGER NOT NULL DEFAULT 0, elapsed_s REAL NOT NULL DEFAULT 0)""",
    """CREATE TABLE evaluations (
        trial INTEGER NOT NULL REFERENCES trials (number), step INTEGER NOT NULL, share REAL NOT NULL,
        value REAL NOT NULL, PRIMARY KEY (trial, step))""",
)


Suggest = Callable[[Sequence[Trial], int], Mapping[str, Any] | None]
"""Takes the trials so far and the number of the next; returns its settings, None where none are left."""


class Study:
    """A study on disk.

    Args:
        folder: The study's directory; see :meth:`create` and :meth:`open`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / FILE
        self._connection = sqlite3.connect(
            self._file, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
        )

    @classmethod
    def exists(cls, folder: Path) -> bool:
        """Return whether a directory holds a study; one whose making was cut short does not count."""
        if not (folder / FILE).is_file():
            return False
        study = cls(folder)
        with contextlib.closing(study), study._explained():
            return bool(
                study._connection.execute(
                    "SELECT 1 FROM sqlite_master WHERE name = 'study'"
                ).fetchone()
            )

    @classmethod
    def create(cls, folder: Path, record: Mapping[str, Any]) -> Study:
        """Make a study.

        Args:
            folder: Its directory, made where it is missing.
            record: What :attr:`record` returns from now on, for JSON.

        Raises:
            TrainingError: it cannot be written.
        """
        try:
            (folder / "trials").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(
                f"{folder}: cannot be made: {error.strerror}; choose another directory with --output"
            ) from None
        study = cls(folder)
        with study._transaction() as connection:
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            rows = [(key, json.dumps(value)) for key, value in record.items()]
            connection.executemany("INSERT INTO study VALUES (?, ?)", rows)
        return study

    @classmethod
    def open(cls, folder: Path) -> Study:
        """Open a study that is there.

        Raises:
            ModelError: there is none, it is damaged, or of a later version.
        """
        try:
            is_there = cls.exists(folder)
        except TrainingError as error:
            raise ModelError(str(error)) from None
        if not is_there:
            raise ModelError(
                f"{folder} holds no study; textrnn tune lm|classifier|translator makes one"
            )
        study = cls(folder)
        version = study._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            study.close()
            raise ModelError(
                f"{folder}: format {version} of studies, but this version knows {VERSION} at most; update "
                f"textrnn"
            )
        return study

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    # What the study is

    @property
    def record(self) -> dict[str, Any]:
        """What was recorded of the study as a whole, by key."""
        with self._explained():
            rows = self._connection.execute("SELECT key, value FROM study").fetchall()
        return {key: json.loads(value) for key, value in rows}

    def put(self, **values: Any) -> None:
        """Record values of the study as a whole, in place of former ones."""
        rows = [(key, json.dumps(value)) for key, value in values.items()]
        with self._transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO study VALUES (?, ?)", rows)

    def trial_folder(self, number: int) -> Path:
        """Return the model directory of a trial."""
        return self.folder / "trials" / f"{number:04}"

    # Trials

    def trials(self) -> list[Trial]:
        """Return every trial, by number."""
        with self._explained():
            return self._trials()

    def trial(self, number: int) -> Trial:
        """Return a trial by its number."""
        return next(trial for trial in self.trials() if trial.number == number)

    def claim(self, most: int | None, suggest: Suggest) -> Claim | None:
        """Take a trial to run: one that was abandoned or interrupted, else a new one.

        Args:
            most: Trials in all; None for no bound.
            suggest: Is asked for a new trial's settings.

        Returns:
            None where nothing is left to run.
        """
        with self._transaction() as connection:
            trials = self._trials()
            for trial in trials:
                if trial.state not in ("waiting", "running"):
                    continue
                lock = hold(self._lock(trial.number))
                if lock is None:
                    continue
                if trial.state == "running" and trial.attempts >= MOST_ATTEMPTS:
                    lock.close()
                    message = f"whatever ran it was killed {trial.attempts} times"
                    self._update(trial.number, state="failed", message=message)
                    continue
                self._update(trial.number, state="running", attempts=trial.attempts + 1)
                return Claim(self._trial(trial.number), lock, is_begun=True)
            number = len(trials) + 1
            if most is not None and number > most:
                return None
            settings = suggest(self._trials(), number)
            if settings is None:
                return None
            lock = hold(self._lock(number))
            if lock is None:  # its former run has not ended yet
                return None
            connection.execute(
                "INSERT INTO trials (number, state, settings) VALUES (?, 'running', ?)",
                (number, json.dumps(dict(settings))),
            )
            return Claim(self._trial(number), lock, is_begun=False)

    def planned(self, number: int, resolved: Mapping[str, Any]) -> None:
        """Record the searched settings as a trial's plan has them."""
        with self._transaction():
            self._update(number, resolved=json.dumps(dict(resolved)))

    def evaluated(self, number: int, step: int, share: float, value: float) -> None:
        """Record a figure of a trial on its way.

        Args:
            number: The trial.
            step: Updates done.
            share: How much of its plan that is, from 0 to 1.
            value: The figure.
        """
        with self._transaction() as connection:
            row = (number, step, share, value)
            connection.execute("INSERT OR REPLACE INTO evaluations VALUES (?, ?, ?, ?)", row)
            self._update(number, steps=step)

    def end(
        self,
        number: int,
        state: str,
        *,
        value: float | None = None,
        metrics: Mapping[str, Any] | None = None,
        message: str = "",
        steps: int = 0,
        elapsed_s: float = 0.0,
    ) -> None:
        """Record what came of a trial; arguments as the attributes of :class:`Trial`."""
        with self._transaction():
            self._update(
                number,
                state=state,
                value=value,
                metrics=json.dumps(dict(metrics or {})),
                message=message,
                steps=steps,
                elapsed_s=elapsed_s,
            )

    def has_strangers(self) -> bool:
        """Return whether a trial is being run right now, by whatever process."""
        running = [trial.number for trial in self.trials() if trial.state == "running"]
        return any(is_held(self._lock(number)) for number in running)

    # Inside

    def _lock(self, number: int) -> Path:
        trials = self.folder / "trials"
        # What a person has deleted is no reason not to go on.
        trials.mkdir(exist_ok=True)
        return trials / f".{number:04}.lock"

    def _trials(self) -> list[Trial]:
        curves: dict[int, list[tuple[float, float]]] = {}
        for number, share, value in self._connection.execute(
            "SELECT trial, share, value FROM evaluations ORDER BY trial, step"
        ):
            curves.setdefault(number, []).append((share, value))
        rows = self._connection.execute(
            "SELECT settings, resolved, metrics, number, state, value, message, attempts, steps, elapsed_s "
            "FROM trials ORDER BY number"
        ).fetchall()
        return [
            Trial(
                number=number,
                state=state,
                settings=json.loads(settings),
                resolved=json.loads(resolved),
                value=value,
                metrics=json.loads(metrics),
                message=message,
                attempts=attempts,
                steps=steps,
                elapsed_s=elapsed_s,
                curve=tuple(curves.get(number, ())),
            )
            for settings, resolved, metrics, number, state, value, message, attempts, steps, elapsed_s in rows
        ]

    def _trial(self, number: int) -> Trial:
        return next(trial for trial in self._trials() if trial.number == number)

    def _update(self, number: int, **columns: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)
        # The names are this module's own.
        statement = f"UPDATE trials SET {names} WHERE number = ?"  # noqa: S608
        self._connection.execute(statement, (*columns.values(), number))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Do all of what the block does, or nothing; nobody else writes meanwhile."""
        with self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise TrainingError(
                f"{self._file}: the study cannot be read or written: {error}"
            ) from None
