"""JSON Lines: one object of JSON a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from textrnn.data.intake import TextFile
from textrnn.data.tables.table import FAR, Progress, Row, reject, shown, whole_characters
from textrnn.data.tables.text import TextTable
from textrnn.errors import DataError

__all__ = ["DECODER", "JsonLinesTable"]

DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
"""Leaves numbers as they are written."""

_ABSENT = object()
_NAMES_FROM = 1_000


class JsonLinesTable(TextTable):
    """Objects whose keys are the columns: those of the first rows, in order of appearance.

    A key whose first value is an object is as many columns, such as ``translation.de``. Numbers and
    booleans become their JSON text (``1``, ``4.0``, ``true``), null is no value. Half a surrogate
    pair, which JSON can write and no text can hold, becomes U+FFFD.

    Args:
        file: The file.
        encoding: Its encoding.

    Raises:
        DataError: there is no row in it, or a broken one among the first.
    """

    kind = "JSON Lines"
    _may_hold_columns = True

    def __init__(self, file: TextFile, encoding: str) -> None:
        super().__init__(file, encoding, (), named=True)
        found = self._objects(lambda _, __, ___: None)
        objects = [row for _, row in islice(found, min(_NAMES_FROM, FAR))]
        if self._may_hold_columns and len(objects) == 1 and _holds_columns(objects[0]):
            raise DataError(
                f"{file.name}: one object that holds columns rather than rows, as pandas writes it; "
                "write it with to_json(FILE, orient='records')"
            )
        self._paths = _paths(objects)
        self.columns = tuple(self._paths)
        if not self.columns:
            raise DataError(f"{file.name}: no rows in this {self.kind} file; give one with rows")

    def rows(
        self,
        columns: Sequence[int],
        progress: Progress = lambda _, __, ___: None,
        *,
        lenient: bool = False,
    ) -> Iterator[Row]:
        """Yield the rows; blank lines are none."""
        names = [self.columns[i] for i in columns]
        paths = [(name, *self._paths[name]) for name in names]
        for line, row in self._objects(progress):
            values = []
            try:
                for key, outer, inner in paths:
                    value = row.get(outer, _ABSENT)
                    if inner is not None and value is not None:
                        value = value.get(inner, _ABSENT) if isinstance(value, dict) else _ABSENT
                    if value.__class__ is not str:
                        value = self._text(value, key, line, lenient=lenient)
                    elif not value.isascii():
                        value = whole_characters(value)
                    values.append(value)
            except DataError as error:
                reject(error)
                continue
            yield Row(line, values)

    def _objects(self, progress: Progress) -> Iterator[tuple[int, dict[str, Any]]]:
        decode = DECODER.decode
        for number, line in enumerate(self._lines(progress), start=1):
            if line.isspace():
                continue
            try:
                row = decode(line)
            except ValueError as error:
                broken = self._broken(number, line, error)
            except RecursionError:
                broken = self._fault(number, "JSON nested too deeply")
            else:
                if isinstance(row, dict):
                    yield number, row
                    continue
                broken = self._no_object(number, row, "one a line")
            reject(broken)

    def _no_object(self, number: int, row: object, where: str) -> DataError:
        what = "a list" if isinstance(row, list) else shown(str(row))
        return self._fault(number, f"{what} where an object was expected: {{…}}, {where}")

    def _fault(self, line: int, what: str) -> DataError:
        return DataError(f"{self.place(line)}: {what}")

    def _broken(self, number: int, line: str, error: ValueError) -> DataError:
        if number == 1 and line.strip() == "{":
            return self._fault(
                1,
                "one object of JSON over many lines; rows are a list of objects, [{…}, …], or one object a "
                "line: convert it with jq -c, or with to_json(FILE, orient='records') of pandas",
            )
        reason = getattr(error, "msg", str(error)).removesuffix(" at")
        at = getattr(error, "pos", 0)
        return self._fault(
            number,
            f"not valid JSON: {reason} at character {at + 1}, {shown(line[at : at + 30].strip())}; "
            "each line must be one whole object",
        )

    def _text(self, value: Any, key: str, line: int, *, lenient: bool) -> str | None:
        if value is None:
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        if lenient:
            return None
        if value is _ABSENT:
            raise self._fault(line, f"no {key!r} in this row; add it, or take the row away")
        kind = "a list" if isinstance(value, list) else "an object"
        raise self._fault(
            line,
            f"{key!r} holds {kind} where text was expected; make it one text, or choose another "
            "column",
        )


def _holds_columns(row: dict[str, Any]) -> bool:
    """Return whether an object's values are columns by the numbers of their rows, two or more."""
    return bool(row) and all(
        isinstance(value, dict) and list(value)[:2] == ["0", "1"] for value in row.values()
    )


def _paths(rows: Iterable[dict[str, Any]]) -> dict[str, tuple[str, str | None]]:
    """Return the columns with the key of each and, where its values are objects, the key in these."""
    keys: dict[str, dict[str, None]] = {}
    plain = set()
    for row in rows:
        for key, value in row.items():
            inner = keys.setdefault(key, {})
            if isinstance(value, dict) and key not in plain:
                inner.update(dict.fromkeys(value))
            elif value is not None:
                plain.add(key)
    paths: dict[str, tuple[str, str | None]] = {}
    for key, inner in keys.items():
        if inner:
            paths |= {f"{key}.{name}": (key, name) for name in inner}
        else:
            paths[key] = key, None
    return paths
