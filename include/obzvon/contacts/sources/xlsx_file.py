"""A workbook, read row by row without loading it.

A workbook is a zip of XML: a page of it can say gigabytes. How large its parts become is looked at before any is
unpacked (zipfile never unpacks more than a part says of itself); entities do not grow without end in expat since 2.4.1.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import IO, Any, Literal
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile, ZipInfo

from obzvon.contacts.sources.base import Opening, Source
from obzvon.contacts.table import Table, text
from obzvon.errors import ListError

#: What openpyxl, zipfile and the decompressors raise on files that are damaged or were made to be.
_UNREADABLE = (
    BadZipFile, ParseError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError,
    AssertionError, EOFError, OSError, RuntimeError, zlib.error, lzma.LZMAError, struct.error,
)  # fmt: skip
_MIB = 1 << 20
#: Bytes that a sheet, the shared texts and every other part may have when they are unpacked: a million contacts have
#: a tenth of it. Above `_LITTLE` a part that is packed better than XML of people can be is a bomb.
_SHEET, _TEXTS, _OTHER, _LITTLE, _BEST_RATIO, _MOST_PARTS = 1024 * _MIB, 256 * _MIB, 16 * _MIB, 16 * _MIB, 100, 10_000
#: Excel's own.
_MOST_ROWS = 1_048_576


class XlsxSource(Source):
    """A workbook; the first sheet unless one is named. The first row is the header."""

    type: Literal["xlsx"]
    path: str
    sheet: str | None = None

    @property
    def file(self) -> str:
        return self.path

    def open(self, opening: Opening) -> AbstractContextManager[Table]:
        return open_xlsx(self, opening.existing(self.path))


@contextmanager
def open_xlsx(source: XlsxSource, path: Path) -> Iterator[Table]:
    """The rows of one sheet, streaming. ListError: not a workbook, no such sheet, a workbook of gigabytes."""
    from openpyxl import load_workbook  # noqa: PLC0415 - a campaign file is parsed often, its workbook read seldom

    with path.open("rb") as stream:
        with _readable(source):
            _weigh(source, stream)
            book = load_workbook(stream, read_only=True, data_only=True)
        with closing(book):
            with _readable(source):
                rows = _sheet(source, book).iter_rows(values_only=True)
                header = [text(cell) for cell in next(rows, ())]
            yield Table(source.path, header, _rows(source, rows, len(header)))


@contextmanager
def _readable(source: XlsxSource) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise ListError(f"{source.path}: not a readable .xlsx workbook; open it and save it again as .xlsx") from error


def _weigh(source: XlsxSource, stream: IO[bytes]) -> None:
    """ListError when the parts of the workbook would unpack to more than a list can be."""
    with ZipFile(stream) as parts:
        found = parts.infolist()
    stream.seek(0)
    heavy = next((part for part in found if _is_bomb(part)), None)
    if heavy is not None or len(found) > _MOST_PARTS:
        what = f"a part of {heavy.file_size / _MIB:.0f} MiB" if heavy else f"{len(found)} parts"
        raise ListError(
            f"{source.path}: the workbook unpacks to {what}, which no list of contacts does; export it again as CSV"
        )


def _is_bomb(part: ZipInfo) -> bool:
    most = _SHEET if "/worksheets/" in part.filename else _TEXTS if "sharedstrings" in part.filename.lower() else _OTHER
    return part.file_size > most or part.file_size > max(_LITTLE, _BEST_RATIO * part.compress_size)


def _sheet(source: XlsxSource, book: Any) -> Any:
    if source.sheet is not None and source.sheet not in book.sheetnames:
        raise ListError(
            f"{source.path}: no sheet {source.sheet!r}; set `contacts.source.sheet` to one of:"
            f" {', '.join(book.sheetnames)}"
        )
    sheet = book[source.sheet] if source.sheet else book.worksheets[0]
    # some exporters write a wrong size into the file; without this openpyxl believes it and stops early
    sheet.reset_dimensions()
    return sheet


def _rows(source: XlsxSource, rows: Iterator[tuple[object, ...]], width: int) -> Iterator[tuple[int, Sequence[object]]]:
    """Numbered rows; a row without any content (formatting only) is no contact, its number is kept."""
    with _readable(source):
        for number, cells in enumerate(rows, start=1):
            if number > _MOST_ROWS:  # openpyxl fills the gap up to a row that says it is the billionth
                raise ListError(f"{source.path}: more than {_MOST_ROWS} rows, which no workbook has; export it again")
            if any(cell not in (None, "") for cell in cells):
                yield number, (*cells, *[None] * (width - len(cells)))
