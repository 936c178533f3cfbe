"""A list that cannot be used is refused in one sentence: what, where, and what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from contact_lists import HEADER, ROWS, campaign, rows_of, write_csv, write_parquet, write_xlsx

from obzvon.errors import ListError

CSV = {"type": "csv", "path": "list.csv"}


def refused(base: Path, source: dict[str, Any] = CSV, **changes: Any) -> str:
    with pytest.raises(ListError) as caught:
        rows_of(campaign(source, **changes), base)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert not re.search(r"\d{7}", sentence), "a sentence must not hold a phone"
    return sentence


def test_a_missing_file(tmp_path: Path) -> None:
    assert refused(tmp_path) == (
        f"list.csv: no such file under {tmp_path}; put the list there or correct `contacts.source.path`"
    )


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "list.csv").mkdir()
    assert refused(tmp_path).startswith("list.csv: cannot be read (Is a directory)")


@pytest.mark.parametrize(
    ("name", "cure"),
    [("list.xlsx", "open it and save it again as .xlsx"), ("list.parquet", "write it again")],
)
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"79431234501\n", b"PAR1....PAR1"])
def test_an_unreadable_workbook_or_parquet_file(tmp_path: Path, name: str, cure: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    sentence = refused(tmp_path, {"type": name.split(".")[1], "path": name})
    assert sentence.startswith(f"{name}: not a readable")
    assert sentence.endswith(cure)


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_workbook_that_was_cut_off(tmp_path: Path, cut: float) -> None:
    whole = write_xlsx(tmp_path / "list.xlsx", [HEADER, *ROWS]).read_bytes()
    (tmp_path / "list.xlsx").write_bytes(whole[: int(len(whole) * cut)])
    assert "not a readable .xlsx workbook" in refused(tmp_path, {"type": "xlsx", "path": "list.xlsx"})


def test_a_parquet_file_that_was_cut_off(tmp_path: Path) -> None:
    whole = write_parquet(tmp_path / "list.parquet", {name: ["1"] for name in HEADER}).read_bytes()
    (tmp_path / "list.parquet").write_bytes(whole[:40] + bytes(len(whole) - 48) + whole[-8:])
    assert "not a readable Parquet file" in refused(tmp_path, {"type": "parquet", "path": "list.parquet"})


def test_no_such_sheet(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "list.xlsx", [HEADER, *ROWS], sheet="Контакты")
    source = {"type": "xlsx", "path": "list.xlsx", "sheet": "Список"}
    assert refused(tmp_path, source) == (
        "list.xlsx: no sheet 'Список'; set `contacts.source.sheet` to one of: Контакты"
    )


def test_the_wrong_encoding(tmp_path: Path) -> None:
    write_csv(tmp_path / "list.csv", [HEADER, *ROWS], "cp1251")
    assert refused(tmp_path, {**CSV, "encoding": "utf-8"}) == (
        "list.csv: line 1 is not utf-8 text; set `contacts.source.encoding` to auto or to the file's real encoding"
    )


def test_utf16_and_binary_files(tmp_path: Path) -> None:
    write_csv(tmp_path / "list.csv", [HEADER, *ROWS], "utf-16")
    assert "not UTF-8 or cp1251 text" in refused(tmp_path)


def test_utf8_with_a_broken_character_is_not_taken_for_cp1251(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "list.csv", [HEADER, *ROWS])
    path.write_bytes(path.read_bytes() + "я".encode()[:1] + b";;;\n")
    assert refused(tmp_path) == (
        "list.csv: the file is UTF-8 with broken characters; save it as «CSV UTF-8» and run again"
    )


def test_a_byte_that_no_encoding_has(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes("Телефон;ФИО;Регион;Долг\n1;Пример;".encode("cp1251") + b"\x98;\n")
    assert refused(tmp_path).startswith("list.csv: line 2 is not cp1251 text")


def test_an_unknown_column_names_the_key_and_the_columns_that_exist(tmp_path: Path) -> None:
    write_csv(tmp_path / "list.csv", [("Телефоны", "ФИО", "Регион", "Долг"), *ROWS])
    assert refused(tmp_path) == (
        "list.csv: `contacts.columns.phone`: the list has no column 'Телефон'; "
        "did you mean 'Телефоны'? it has: Телефоны, ФИО, Регион, Долг"
    )


def test_an_unknown_column_of_a_variable(tmp_path: Path) -> None:
    write_csv(tmp_path / "list.csv", [HEADER, *ROWS])
    sentence = refused(tmp_path, variables={"visit": {"column": "Дата визита"}})
    assert "`variables.visit.column`: the list has no column 'Дата визита'; it has: " in sentence


def test_an_unknown_column_in_every_kind_of_file(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "list.xlsx", [("phone",), ("79",)])
    write_parquet(tmp_path / "list.parquet", {"phone": ["79"]})
    for kind in ("xlsx", "parquet"):
        assert refused(tmp_path, {"type": kind, "path": f"list.{kind}"}).endswith("it has: phone")


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    write_csv(tmp_path / "list.csv", [("Телефон", "Телефон", "ФИО", "Регион", "Долг")])
    assert refused(tmp_path) == (
        "list.csv: `contacts.columns.phone`: 'Телефон' is the name of several columns; rename all but one"
    )


@pytest.mark.parametrize(("row", "fields"), [("1;а;б", 3), ("1;а;б;в;г", 5)])
def test_a_ragged_row_is_named_by_its_number(tmp_path: Path, row: str, fields: int) -> None:
    (tmp_path / "list.csv").write_text(f"Телефон;ФИО;Регион;Долг\n1;;;\n{row}\n", "utf-8")
    assert refused(tmp_path).startswith(f"list.csv: row 2 has {fields} fields where the header has 4;")


def test_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text('Телефон;ФИО;Регион;Долг\n1;"а;б;в\n', "utf-8")
    assert "is not valid CSV" in refused(tmp_path)


@pytest.mark.parametrize(("content", "said"), [("", "not even a header"), ("Телефон;ФИО;Регион;Долг\n", "no contacts")])
def test_an_empty_list(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "list.csv").write_text(content, "utf-8")
    assert said in refused(tmp_path)


def test_an_empty_workbook_and_an_empty_parquet_file(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "list.xlsx", [])
    write_parquet(tmp_path / "list.parquet", {name: [] for name in HEADER})
    assert "the list is empty" in refused(tmp_path, {"type": "xlsx", "path": "list.xlsx"})
    assert "the list is empty" in refused(tmp_path, {"type": "parquet", "path": "list.parquet"})


def test_a_list_longer_than_the_campaign_allows(tmp_path: Path) -> None:
    write_csv(tmp_path / "list.csv", [HEADER, *ROWS])
    assert refused(tmp_path, contacts={"max_contacts": 2}) == (
        "list.csv: more than 2 contacts; split the list or raise `contacts.max_contacts`"
    )
