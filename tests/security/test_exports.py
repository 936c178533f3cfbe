"""A cell of an exported table stands and does nothing, and the text that it stands for can be had again."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from obzvon_provider.pages.csv_file import csv_bytes, safe
from obzvon_provider.pages.sections import Section, Table

#: What Excel, LibreOffice and Google's sheets calculate when a cell begins with it (OWASP, CSV injection).
CALCULATED = tuple("=+-@\t\r\n|%＝＋－＠")
CELLS = st.text(st.sampled_from([*CALCULATED, "'", " ", "\u00a0", '"', ";", ",", "1", "A", "\x0b", "ж"]), max_size=6)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(CELLS)
def test_no_cell_is_calculated_and_every_text_comes_back(text: str) -> None:
    cell = safe(text)
    assert not cell.lstrip().startswith(CALCULATED)
    assert not cell.startswith(CALCULATED)
    assert (cell[1:] if cell.startswith("'") else cell) == text


def test_names_of_columns_are_cells_too() -> None:
    table = Table(Section("x", "v_x"), ("=1+1", "day"), ({"=1+1": "@SUM(A1)", "day": -7},))
    rows = list(csv.reader(io.StringIO(csv_bytes(table, "en").decode("utf-8-sig"))))
    assert rows == [["'=1+1", "day"], ["'@SUM(A1)", "-7"]]
