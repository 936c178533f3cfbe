"""A delimited text file. The whole file proves the encoding before a row is read; the header decides the delimiter."""

from __future__ import annotations

import codecs
import csv
import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from obzvon.contacts.sources.base import Opening, Source
from obzvon.contacts.table import Table
from obzvon.errors import ListError

if TYPE_CHECKING:
    from _csv import Reader

_BLOCK = _LONGEST_LINE = 1 << 20
_DELIMITERS = (";", ",", "\t")
_SAVE_AS = "save it as «CSV UTF-8» and run again"


class CsvSource(Source):
    """A delimited text file; encoding and delimiter are found out unless given."""

    type: Literal["csv"]
    path: str
    encoding: Literal["auto", "utf-8", "utf-8-sig", "cp1251"] = "auto"
    delimiter: Literal["auto", ",", ";", "\t"] = "auto"

    @property
    def file(self) -> str:
        return self.path

    def open(self, opening: Opening) -> AbstractContextManager[Table]:
        return open_csv(self, opening.existing(self.path))


@contextmanager
def open_csv(source: CsvSource, path: Path) -> Iterator[Table]:
    """The rows of the file, streaming. ListError: wrong encoding, ragged row, broken quotes."""
    encoding = _encoding(source, path)
    with path.open(encoding=encoding, newline="") as stream:
        first = next(_lines(source.path, stream), "")
        delimiter = _delimiter(first) if source.delimiter == "auto" else source.delimiter
        stream.seek(0)
        records = _records(source.path, csv.reader(_lines(source.path, stream), delimiter=delimiter, strict=True))
        header = next(records, [])
        yield Table(source.path, header, _rows(source.path, records, len(header)))


def _lines(place: str, stream: TextIO) -> Iterator[str]:
    """The lines of the file; ListError at one that does not end: it would have to be held whole."""
    for number in itertools.count(1):
        line = stream.readline(_LONGEST_LINE)
        if not line:
            return
        if len(line) == _LONGEST_LINE:
            raise ListError(f"{place}: line {number} is longer than {_LONGEST_LINE} characters; {_SAVE_AS}")
        yield line


def _records(place: str, reader: Reader) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise ListError(f"{place}: line {reader.line_num} is not valid CSV ({error}); {_SAVE_AS}") from error


def _rows(place: str, reader: Iterator[list[str]], width: int) -> Iterator[tuple[int, Sequence[object]]]:
    """Numbered rows; a row without any content (Excel exports some at the end) is no contact, its number is kept."""
    for number, fields in enumerate(reader, start=1):
        if any(fields):
            yield number, fields if len(fields) == width else _trimmed(place, number, fields, width)


def _trimmed(place: str, number: int, fields: list[str], width: int) -> list[str]:
    """The row without empty fields beyond the header (trailing delimiters say nothing); other misfits are refused."""
    if len(fields) > width and not any(fields[width:]):
        return fields[:width]
    raise ListError(
        f"{place}: row {number} has {len(fields)} fields where the header has {width};"
        " quote the field that holds a delimiter or a line break, or complete the row"
    )


def _delimiter(header: str) -> str:
    """The delimiter that cuts the header into most columns; a header of one column has none."""
    return max(_DELIMITERS, key=lambda candidate: _columns(header, candidate))


def _columns(header: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([header], delimiter=delimiter), []))
    except csv.Error:  # one name is longer than a field may be; the reading of the rows says so with its line
        return 0


def _encoding(source: CsvSource, path: Path) -> str:
    """The encoding in which the whole file decodes: the one named, else UTF-8, else cp1251."""
    with path.open("rb") as stream:
        start = stream.read(4096)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in start:
        raise ListError(f"{source.path}: this is not UTF-8 or cp1251 text (UTF-16 or a binary file); {_SAVE_AS}")
    if source.encoding == "auto":
        return _detected(source, path)
    encoding = "cp1251" if source.encoding == "cp1251" else "utf-8-sig"
    _decode(source, path, encoding, "set `contacts.source.encoding` to auto or to the file's real encoding")
    return encoding


def _detected(source: CsvSource, path: Path) -> str:
    try:
        _decode(source, path, "utf-8-sig", "")
    except ListError:
        if _is_damaged_utf8(path):
            raise ListError(f"{source.path}: the file is UTF-8 with broken characters; {_SAVE_AS}") from None
    else:
        return "utf-8-sig"
    _decode(source, path, "cp1251", _SAVE_AS)
    return "cp1251"


def _decode(source: CsvSource, path: Path, encoding: str, cure: str) -> None:
    """Read the whole file once; ListError names the line at which it stops being `encoding`."""
    decoder, lines = codecs.getincrementaldecoder(encoding)(), 1
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            try:
                lines += decoder.decode(block).count("\n")
            except UnicodeDecodeError as error:
                line = lines + block.count(b"\n", 0, error.start)
                raise ListError(
                    f"{source.path}: line {line} is not {encoding.removesuffix('-sig')} text; {cure}"
                ) from error
    if decoder.getstate()[0]:
        raise ListError(f"{source.path}: the file ends in the middle of a character of {encoding}; {cure}")


def _is_damaged_utf8(path: Path) -> bool:
    """True when most characters beyond ASCII are good UTF-8: then cp1251 would decode the file, but into nonsense."""
    decoder, good, bad = codecs.getincrementaldecoder("utf-8")("replace"), 0, 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            decoded = decoder.decode(block)
            broken = decoded.count("\ufffd")
            bad += broken
            good += len(decoded) - len(decoded.encode("ascii", "ignore")) - broken
    return good > bad
