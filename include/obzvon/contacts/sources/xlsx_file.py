"""A workbook, read row by row without loading it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Literal
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from obzvon.contacts.sources.base import Opening, Source
from obzvon.contacts.table import Table, text
from obzvon.errors import ListError

_UNREADABLE = (BadZipFile, KeyError, ParseError, ValueError, EOFError, zlib.error)


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
    """The rows of one sheet, streaming. ListError: not a workbook, no such sheet."""
    from openpyxl import load_workbook  # noqa: PLC0415 - a campaign file is parsed often, its workbook read seldom
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    try:
        with path.open("rb") as stream, closing(load_workbook(stream, read_only=True, data_only=True)) as book:
            rows = _sheet(source, book).iter_rows(values_only=True)
            header = [text(cell) for cell in next(rows, ())]
            yield Table(source.path, header, _rows(rows, len(header)))
    except (*_UNREADABLE, InvalidFileException) as error:
        raise ListError(f"{source.path}: not a readable .xlsx workbook; open it and save it again as .xlsx") from error


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


def _rows(rows: Iterator[tuple[object, ...]], width: int) -> Iterator[tuple[int, Sequence[object]]]:
    """Numbered rows; a row without any content (formatting only) is no contact, its number is kept."""
    for number, cells in enumerate(rows, start=1):
        if any(cell not in (None, "") for cell in cells):
            yield number, (*cells, *[None] * (width - len(cells)))
