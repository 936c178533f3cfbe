"""Whatever the file, the same rows of text come out of it."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from contact_lists import HEADER, ROWS, Fixed, campaign, rows_of, write_csv, write_parquet, write_xlsx

from obzvon.contacts.read import CHUNK, read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("told", [True, False], ids=["told", "found out"])
def test_csv_in_every_encoding_and_delimiter_gives_the_same_rows(
    tmp_path: Path, encoding: str, delimiter: str, told: bool
) -> None:
    write_csv(tmp_path / "list.csv", [HEADER, *ROWS], encoding, delimiter)
    settings = {"encoding": encoding, "delimiter": delimiter} if told else {}
    assert rows_of(campaign({"type": "csv", "path": "list.csv", **settings}), tmp_path) == list(ROWS)


def test_cp1251_is_found_out_even_if_its_first_russian_letter_is_far_from_the_start(tmp_path: Path) -> None:
    rows = [("7943000000" + str(n % 10), "Ivanov", "Omsk", "1") for n in range(200_000)]
    write_csv(tmp_path / "list.csv", [("phone", "name", "region", "debt"), *rows, ("1", "Ё", "", "")], "cp1251")
    spec = campaign(
        {"type": "csv", "path": "list.csv"},
        columns={"phone": "phone", "full_name": "name"},
        variables={"debt": {"column": "debt"}},
    )
    *_, last = read(spec, tmp_path, Fixed())
    assert last["name"].iloc[-1] == "Ё"


def test_a_bom_is_no_part_of_the_first_column_even_when_plain_utf8_is_told(tmp_path: Path) -> None:
    write_csv(tmp_path / "list.csv", [HEADER, *ROWS], "utf-8-sig")
    assert rows_of(campaign({"type": "csv", "path": "list.csv", "encoding": "utf-8"}), tmp_path) == list(ROWS)


def test_a_list_of_one_column_needs_no_delimiter(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("Телефон\n79431234501\n", "utf-8")
    spec = campaign({"type": "csv", "path": "list.csv"}, columns={"phone": "Телефон"}, variables={})
    assert [list(chunk["Телефон"]) for chunk in read(spec, tmp_path, Fixed())] == [["79431234501"]]


def test_blanks_around_column_names_and_empty_fields_at_the_end_of_a_row_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(" Телефон ;ФИО; Регион;Долг\n1;а;б;в;;\n", "utf-8")
    assert rows_of(campaign({"type": "csv", "path": "list.csv"}), tmp_path) == [("1", "а", "б", "в")]


def test_empty_lines_are_no_contacts_and_the_numbers_of_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("Телефон;ФИО;Регион;Долг\n1;;;\n\n;;;\n2;;;\n", "utf-8")
    (chunk,) = read(campaign({"type": "csv", "path": "list.csv"}), tmp_path, Fixed())
    assert list(chunk.index) == [1, 4]


#: A workbook's clock has no zone.
NINE = datetime(2026, 12, 1, 9)  # noqa: DTZ001


def test_a_workbook_gives_the_same_rows_whole_numbers_without_a_fraction_and_days_without_a_time(
    tmp_path: Path,
) -> None:
    typed = [(79431234503, None, True, 12.5), (None,) * 4, (79431234504.0, date(2026, 12, 1), NINE)]
    write_xlsx(tmp_path / "list.xlsx", [HEADER, *ROWS, *typed])
    assert rows_of(campaign({"type": "xlsx", "path": "list.xlsx"}), tmp_path) == [
        *ROWS,
        ("79431234503", "", "true", "12.5"),
        ("79431234504", "2026-12-01", "2026-12-01T09:00:00", ""),
    ]


def test_a_named_sheet_is_read(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "list.xlsx", [HEADER, *ROWS], sheet="Контакты")
    source = {"type": "xlsx", "path": "list.xlsx", "sheet": "Контакты"}
    assert rows_of(campaign(source), tmp_path) == list(ROWS)


def test_parquet_gives_text_whatever_the_type_of_the_column(tmp_path: Path) -> None:
    columns = {
        "Телефон": pa.array([79431234501, None], pa.int64()),
        "ФИО": ["Пример", None],
        "Регион": pa.array([date(2026, 12, 1), None]),
        "Долг": pa.array([1200.5, 7.0], pa.float64()),
        "не нужна": [1, 2],
    }
    write_parquet(tmp_path / "list.parquet", columns)
    assert rows_of(campaign({"type": "parquet", "path": "list.parquet"}), tmp_path) == [
        ("79431234501", "Пример", "2026-12-01", "1200.5"),
        ("", "", "", "7"),
    ]


def test_phones_that_parquet_keeps_as_floats_are_whole_only_where_they_are_exact(tmp_path: Path) -> None:
    exact, rounded = pa.array([79431234501.0], pa.float64()), pa.array([79431234501.0], pa.float32())
    rest = {"ФИО": [""], "Регион": [""], "Долг": [""]}
    for name, phones in (("exact", exact), ("rounded", rounded)):
        write_parquet(tmp_path / f"{name}.parquet", {"Телефон": phones, **rest})
    assert rows_of(campaign({"type": "parquet", "path": "exact.parquet"}), tmp_path)[0][0] == "79431234501"
    assert rows_of(campaign({"type": "parquet", "path": "rounded.parquet"}), tmp_path)[0][0].endswith(".0")


def test_long_lists_come_in_chunks_of_text_in_order(tmp_path: Path) -> None:
    count = CHUNK + 5
    write_csv(tmp_path / "list.csv", [HEADER, *((str(n), "", "", "") for n in range(1, count + 1))])
    chunks = list(read(campaign({"type": "csv", "path": "list.csv"}), tmp_path, Fixed()))
    assert [len(chunk) for chunk in chunks] == [CHUNK, 5]
    assert all(pd.api.types.is_string_dtype(dtype) for chunk in chunks for dtype in chunk.dtypes)
    assert [int(phone) for chunk in chunks for phone in chunk["Телефон"]] == list(range(1, count + 1))
    assert [number for chunk in chunks for number in chunk.index] == list(range(1, count + 1))
