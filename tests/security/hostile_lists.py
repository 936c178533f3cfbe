"""Lists that are small on the disk and endless when they are read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook

MIB = 1 << 20
_SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    '<row r="1"><c r="A1" t="inlineStr"><is><t>phone</t></is></c></row>{rows}</sheetData></worksheet>'
)
_ROW = '<row r="{no}"><c r="A{no}" t="inlineStr"><is><t>{text}</t></is></c></row>'
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    + "]>"
)


def workbook(path: Path, part: str, body: bytes, *, repeat: int = 1) -> None:
    """A workbook of which one part is `body`, so many times."""
    plain = path.with_suffix(".plain")
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["phone"])
    sheet.append(["79161234567"])
    book.save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name in source.namelist():
            if name != part:
                made.writestr(name, source.read(name))
        with made.open(part, "w", force_zip64=True) as out:
            for _ in range(repeat):
                out.write(body)


def sheet(path: Path, rows: str, before: str = "") -> None:
    """A workbook whose sheet has these rows of XML below its header."""
    workbook(path, "xl/worksheets/sheet1.xml", (before + _SHEET.format(rows=rows)).encode())


def one_long_cell(path: Path) -> None:
    workbook(path, "xl/worksheets/sheet1.xml", b"a" * MIB, repeat=20)


def many_shared_texts(path: Path) -> None:
    workbook(path, "xl/sharedStrings.xml", b"<si><t>a</t></si>" * 60_000, repeat=20)


def heavy_styles(path: Path) -> None:
    workbook(path, "xl/styles.xml", b"<xf numFmtId='0'/>" * 60_000, repeat=20)


def endless_entities(path: Path) -> None:
    sheet(path, _ROW.format(no=2, text="&a11;"), LAUGHS)


def a_row_far_away(path: Path) -> None:
    sheet(path, _ROW.format(no=999_999_999_999, text="79161234567"))


def a_row_that_is_no_number(path: Path) -> None:
    sheet(path, '<row r="x"><c r="1" t="inlineStr"><is><t>7</t></is></c></row>')


def an_encrypted_part(path: Path) -> None:
    sheet(path, _ROW.format(no=2, text="79161234567"))
    body = bytearray(path.read_bytes())
    for at in range(len(body) - 4):
        if body[at : at + 4] == b"PK\x01\x02":
            body[at + 8] |= 1
    path.write_bytes(bytes(body))


def one_word_for_every_row(path: Path) -> None:
    """A Parquet file of about a kilobyte whose rows are 200 GB when each has a copy of its text."""
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 200_000, pa.int32()), pa.array(["a" * MIB]))
    pq.write_table(pa.table({"phone": words}), path, compression="zstd", store_schema=False)


def nested_lists(path: Path) -> None:
    pq.write_table(pa.table({"phone": pa.array([["7" * 400_000]] * 1_000)}), path, compression="zstd")


def an_endless_line(path: Path) -> None:
    path.write_bytes(b"phone\n" + b"7" * (3 * MIB))


def an_endless_header(path: Path) -> None:
    path.write_bytes(b"p" * 200_000 + b"\n79161234567\n")


def an_endless_field(path: Path) -> None:
    path.write_bytes(b'phone\n"' + b"7\n" * 200_000)
