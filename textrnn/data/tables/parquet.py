"""Parquet files, read in batches by pyarrow, which comes with ``datasets``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from textrnn.data.intake import TextFile
from textrnn.data.sources import unreadable
from textrnn.data.tables.table import Progress, Row, Table, fault, whole_characters
from textrnn.errors import DataError

__all__ = ["ParquetTable", "class_names", "is_parquet", "value_texts"]

_MAGIC = b"PAR1"
_ARCHIVE = b"PK\3\4"
_ROWS = 1024


class ParquetTable(Table):
    """The rows of a Parquet file; ``line`` is the number of the row.

    What is nested is columns with the names of both, such as ``translation.de``. Numbers become
    their JSON text; a column of class numbers that says their names (as data sets of the Hugging
    Face hub do) gives the names.

    Args:
        file: The file, not compressed as a whole.

    Raises:
        DataError: it is no Parquet file.
    """

    kind = "Parquet"

    def __init__(self, file: TextFile) -> None:
        import pyarrow

        self._file = file
        try:
            schema = self._open().schema_arrow
        except (pyarrow.ArrowException, OSError) as error:
            raise self._damaged(error) from None
        self._paths = dict(_paths(schema))
        super().__init__(file.name, list(self._paths), named=True, files=[file])
        self._classes = class_names(_hub_features(schema.metadata))

    def rows(
        self,
        columns: Sequence[int],
        progress: Progress = lambda _, __, ___: None,
        *,
        lenient: bool = False,
    ) -> Iterator[Row]:
        """Yield the rows."""
        import pyarrow

        names = [self.columns[i] for i in columns]
        number = 0
        try:
            file = self._open()
            for batch in file.iter_batches(batch_size=_ROWS, columns=list(dict.fromkeys(names))):
                lists = [
                    value_texts(
                        _column(batch, self._paths[name]).to_pylist(),
                        self._classes.get(name),
                        name,
                        self.name,
                        number,
                        lenient=lenient,
                    )
                    for name in names
                ]
                for values in zip(*lists, strict=True):
                    number += 1
                    yield Row(number, values)
                progress(self.name, number, file.metadata.num_rows)
        except (pyarrow.ArrowException, OSError) as error:
            raise self._damaged(error) from None

    def _open(self) -> Any:
        import pyarrow.parquet

        return pyarrow.parquet.ParquetFile(self._file.path)

    def _damaged(self, error: Exception) -> DataError:
        if isinstance(error, OSError) and error.errno is not None:
            return unreadable(self._file.name, error)
        return DataError(
            f"{self._file.name}: not valid Parquet ({' '.join(str(error).split())[:200]}); fetch or "
            "make the file again"
        )


def _paths(schema: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the columns with the names that lead to each."""
    import pyarrow

    for field in schema:
        if pyarrow.types.is_struct(field.type):
            for inner in field.type:
                yield f"{field.name}.{inner.name}", (field.name, inner.name)
        else:
            yield field.name, (field.name,)


def _column(batch: Any, path: Sequence[str]) -> Any:
    import pyarrow.compute

    column = batch.column(batch.schema.get_field_index(path[0]))
    return pyarrow.compute.struct_field(column, path[1:]) if path[1:] else column


def is_parquet(file: TextFile) -> bool:
    """Tell whether a file begins as Parquet files do.

    Raises:
        DataError: it cannot be read, or is an archive or spreadsheet, which people mistake for one.
    """
    try:
        with file.path.open("rb") as opened:
            first = opened.read(len(_MAGIC))
    except OSError as error:
        raise unreadable(file.name, error) from None
    if first == _ARCHIVE:
        raise DataError(
            f"{file.name}: this is a ZIP archive or a spreadsheet, no table of text; unpack it, or "
            "save it as CSV in UTF-8"
        )
    return first == _MAGIC


def value_texts(
    values: Sequence[Any],
    classes: Sequence[str] | None,
    column: str,
    name: str,
    before: int,
    *,
    lenient: bool,
) -> list[str | None]:
    """Return values as text: what is text as it is, numbers as JSON writes them.

    Args:
        values: Some values of a column, in order.
        classes: The names of its classes, where the values are their numbers; a number outside,
            such as the usual -1, is no label.
        column: Its name.
        name: What messages call the table.
        before: Rows before the first value.
        lenient: Take what is nested as null.

    Raises:
        DataError: a value is nested or binary.
    """
    texts: list[str | None] = []
    for number, value in enumerate(values, start=before + 1):
        if isinstance(value, str):
            texts.append(value if value.isascii() else whole_characters(value))
        elif value is None:
            texts.append(None)
        elif isinstance(value, int) and classes is not None:
            texts.append(classes[value] if 0 <= value < len(classes) else None)
        elif isinstance(value, bool | int | float):
            texts.append(json.dumps(value))
        elif lenient:
            texts.append(None)
        else:
            raise fault(
                name,
                number,
                f"{column!r} holds a {type(value).__name__} where text was expected; choose another "
                "column, or make it text",
            )
    return texts


def class_names(features: dict[str, Any]) -> dict[str, list[str]]:
    """Return the names of the classes, by column, that features written as JSON tell of."""
    return {
        column: list(map(str, feature["names"]))
        for column, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and "names" in feature
    }


def _hub_features(metadata: dict[bytes, bytes] | None) -> dict[str, Any]:
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}
