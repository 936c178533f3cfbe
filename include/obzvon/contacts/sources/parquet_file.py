"""A Parquet file, read batch by batch and only in the columns that the campaign names.

A column may be one long text and a million references to it: 700 bytes are 200 GB when every row is given its own copy.
Texts are therefore read as the dictionaries that they are, and rows share what they refer to.
"""

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

_BATCH, _FEW = 10_000, 100
#: Bytes of a row group, and of the texts of a batch.
_LARGEST_GROUP, _LARGEST_COPY = 2 << 30, 1 << 26


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
    import pyarrow.parquet as pq  # noqa: PLC0415 - a campaign file is parsed often, its list read seldom
    from pyarrow import types  # noqa: PLC0415

    with _readable(source):
        shape = pq.read_schema(path)
        picked = [name for name in shape.names if name in wanted]
        plain = [name for name in picked if shape.names.count(name) == 1]
        is_text = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
        texts = [name for name in plain if any(one(shape.field(name).type) for one in is_text)]
        nested = any(types.is_nested(shape.field(name).type) for name in plain)
        _weigh(source, path)
        file = pq.ParquetFile(path, read_dictionary=texts)
    with file:
        yield Table(source.path, shape.names, _rows(source, file, picked, _FEW if nested else _BATCH))


@contextmanager
def _readable(source: ParquetSource) -> Iterator[None]:
    import pyarrow as pa  # noqa: PLC0415

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ListError(f"{source.path}: not a readable Parquet file; write it again") from error


def _weigh(source: ParquetSource, path: Path) -> None:
    """ListError when a row group, whose columns are unpacked whole, is larger than a list can be."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    # of the group and not of its columns: to look at a column whose statistics are damaged ends the process in C++
    shape = pq.read_metadata(path)
    largest = max((shape.row_group(at).total_byte_size for at in range(shape.num_row_groups)), default=0)
    if largest > _LARGEST_GROUP:
        raise ListError(f"{source.path}: a row group unpacks to {largest >> 20} MiB; write it in smaller row groups")


def _rows(
    source: ParquetSource, file: pq.ParquetFile, picked: list[str], size: int
) -> Iterator[tuple[int, Sequence[object]]]:
    number, names = 0, file.schema_arrow.names
    with _readable(source):
        for batch in file.iter_batches(batch_size=size, columns=picked):
            values = {name: _column(batch.column(name)) for name in picked}
            absent = [None] * batch.num_rows
            for cells in zip(*(values.get(name, absent) for name in names), strict=True):
                number += 1
                yield number, cells


def _column(column: pa.Array) -> list[object]:
    from pyarrow import types  # noqa: PLC0415

    if types.is_dictionary(column.type):
        return _shared(column)
    # a float32 cannot hold eleven digits: as text it keeps its ".0", and the phone is refused as damaged
    if types.is_float32(column.type) or types.is_float16(column.type):
        return [None if value is None else f"{value:.1f}" for value in column.to_pylist()]
    return list(column.to_pylist())


def _shared(column: pa.DictionaryArray) -> list[object]:
    """The texts of a column; where copies of the longest one would be too much, rows share what they refer to."""
    from pyarrow import compute  # noqa: PLC0415

    longest = compute.max(compute.binary_length(column.dictionary)).as_py() or 0
    if longest * len(column) < _LARGEST_COPY:
        return list(column.dictionary_decode().to_pylist())
    words = column.dictionary.to_pylist()
    return [None if at is None else words[at] for at in column.indices.to_pylist()]
