"""A Parquet file, read batch by batch and only in the columns that the campaign names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from obzvon.contacts.sources.base import Opening, Source
from obzvon.contacts.table import Table
from obzvon.errors import ListError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_BATCH = 10_000


class ParquetSource(Source):
    """A Parquet file; every column is read as text."""

    type: Literal["parquet"]
    path: str

    @property
    def file(self) -> str:
        return self.path

    def open(self, opening: Opening) -> AbstractContextManager[Table]:
        return open_parquet(self, opening.existing(self.path), opening.wanted)


@contextmanager
def open_parquet(source: ParquetSource, path: Path, wanted: Collection[str]) -> Iterator[Table]:
    """The rows of the file, streaming. ListError: not a Parquet file or a damaged one."""
    import pyarrow as pa  # noqa: PLC0415 - a campaign file is parsed often, its list read seldom
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            picked = [name for name in names if name in wanted]
            yield Table(source.path, names, _rows(file, names, picked))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ListError(f"{source.path}: not a readable Parquet file; write it again") from error


def _rows(file: pq.ParquetFile, names: list[str], picked: list[str]) -> Iterator[tuple[int, Sequence[object]]]:
    number = 0
    for batch in file.iter_batches(batch_size=_BATCH, columns=picked):
        values = {name: _column(batch.column(name)) for name in picked}
        absent = [None] * batch.num_rows
        for cells in zip(*(values.get(name, absent) for name in names), strict=True):
            number += 1
            yield number, cells


def _column(column: pa.Array) -> list[object]:
    from pyarrow import types  # noqa: PLC0415

    # a float32 cannot hold eleven digits: as text it keeps its ".0", and the phone is refused as damaged
    if types.is_float32(column.type) or types.is_float16(column.type):
        return [None if value is None else f"{value:.1f}" for value in column.to_pylist()]
    return list(column.to_pylist())
