"""A chunk of the list becomes rows that can be planned; none is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from contact_lists import Fixed, campaign, frame, write_csv

from obzvon.contacts.numbering import NumberingPlan
from obzvon.contacts.phones import Reason
from obzvon.contacts.prepare import BAD_VARIABLE, prepare, prepared
from obzvon.contacts.variables import convert, fixed
from obzvon.ledger.keys import ALL_OFFSETS, phone_key

SECRET = b"a secret of the installation"
COLUMNS = [
    "row_no", "contact_id", "phone_raw", "phone_e164", "phone_key", "full_name", "region", "segment",
    "tz_offsets", "tz_source", "person_key", "consent_date", "consent_ref", "exclusion_reason", "variables",
]  # fmt: skip


def rows(chunk: pd.DataFrame, **changes: Any) -> pd.DataFrame:
    return prepare(chunk, campaign({"type": "csv", "path": "list.csv"}, **changes), SECRET, NumberingPlan.sample())


def test_a_good_row_in_full() -> None:
    chunk = frame(Телефон=["8 (943) 123-45-67"], ФИО=[" Пример Анна "], Регион=["Омская обл."], Долг=["1 200,50"])
    found = rows(chunk, variables={"debt": {"column": "Долг", "type": "number"}, "shop": {"value": "Пример"}})
    assert list(found.columns) == COLUMNS
    assert found.iloc[0].to_dict() == {
        "row_no": 1,
        "contact_id": "row:1",
        "phone_raw": "8 (943) 123-45-67",
        "phone_e164": "+79431234567",
        "phone_key": phone_key(SECRET, "+79431234567"),
        "full_name": "Пример Анна",
        "region": "Омская область",
        "segment": None,
        "tz_offsets": (360,),
        "tz_source": "region",
        "person_key": None,
        "consent_date": None,
        "consent_ref": None,
        "exclusion_reason": None,
        "variables": '{"debt":1200.5,"shop":"Пример"}',
    }


def test_a_row_without_a_valid_phone_stays_with_its_reason_and_has_neither_key_nor_zone() -> None:
    found = rows(frame(Телефон=["112"], ФИО=[""], Регион=["Омская обл."], Долг=["x"])).iloc[0]
    assert found["exclusion_reason"] == Reason.SHORT_NUMBER
    assert (found["phone_raw"], found["region"]) == ("112", "Омская область")
    assert [found[name] for name in ("phone_e164", "phone_key", "tz_offsets", "tz_source", "full_name")] == [None] * 5


def test_every_row_stays_in_order_whatever_is_wrong_with_it() -> None:
    phones = ["89431234567", "", "89431234567", "нет", "+375290000001"]
    chunk = frame(Телефон=phones, ФИО=phones, Регион=phones, Долг=phones)
    chunk.index = pd.Index([3, 4, 7, 8, 9], name="row_no")
    found = rows(chunk)
    assert list(found["row_no"]) == [3, 4, 7, 8, 9]
    assert list(found["phone_raw"]) == phones
    assert list(found["exclusion_reason"]) == [None, "empty", None, "empty", "foreign"]


def test_absent_values_are_none_and_never_nan() -> None:
    found = rows(frame(Телефон=["нет", "89431234567"], ФИО=["", ""], Регион=["", ""], Долг=["", ""]))
    kinds = {type(value) for name in COLUMNS[1:] for value in found[name]}
    assert kinds == {str, tuple, type(None)}


def test_the_id_of_the_source_system_is_kept_and_a_missing_one_is_the_row() -> None:
    columns = {"phone": "Телефон", "contact_id": "Код", "segment": "Тип"}
    chunk = frame(Телефон=["", ""], Код=[" 007 ", ""], Тип=["VIP", " "])
    found = rows(chunk, columns=columns, variables={})
    assert list(found["contact_id"]) == ["007", "row:2"]
    assert list(found["segment"]) == ["VIP", None]


def test_an_id_that_is_the_phone_does_not_leave_with_it() -> None:
    chunk = frame(Телефон=["8 943 123-45-67", "8 943 123-45-67"], Код=["+79431234567", "9431234"])
    found = rows(chunk, columns={"phone": "Телефон", "contact_id": "Код"}, variables={})
    assert list(found["contact_id"]) == ["row:1", "9431234"]


def test_free_text_of_a_place_is_not_passed_on() -> None:
    places = ["г Омск, ул. Примерная, 1-2", "ул. Примерная, 1-2", "Москва и Московская область"]
    chunk = frame(Телефон=["89431234567"] * 3, ФИО=[""] * 3, Регион=places, Долг=[""] * 3)
    assert list(rows(chunk)["region"]) == ["Омская область", None, None]


def test_a_contact_of_whom_nothing_is_known_may_be_anywhere() -> None:
    found = rows(frame(Телефон=["89431234567"], ФИО=[""], Регион=[""], Долг=[""])).iloc[0]
    assert (found["tz_offsets"], found["tz_source"]) == (ALL_OFFSETS, "unknown")


def test_the_key_depends_on_the_secret_and_on_nothing_but_the_number() -> None:
    chunk = frame(Телефон=["89431234567", "+7 943 123 45 67"], ФИО=["а", "б"], Регион=["", ""], Долг=["", ""])
    spec = campaign({"type": "csv", "path": "list.csv"})
    ours, theirs = (prepare(chunk, spec, secret, NumberingPlan.sample())["phone_key"] for secret in (SECRET, b"other"))
    assert ours[0] == ours[1] != theirs[0]


@pytest.mark.parametrize("kind", ["integer", "number"])
@pytest.mark.parametrize("cell", ["", "уточняется", "12 руб.", "1e5", "NaN", "1,2,3", "-"])
def test_a_variable_that_does_not_fit_its_type_excludes_the_row_and_is_null(kind: str, cell: str) -> None:
    chunk = frame(Телефон=["89431234567"], ФИО=[""], Регион=[""], Долг=[cell])
    found = rows(chunk, variables={"debt": {"column": "Долг", "type": kind}}).iloc[0]
    assert found["exclusion_reason"] == BAD_VARIABLE
    assert found["phone_key"] is not None
    assert json.loads(found["variables"]) == {"debt": None}


def test_what_is_wrong_with_the_phone_comes_before_a_bad_variable() -> None:
    chunk = frame(Телефон=["112"], ФИО=[""], Регион=[""], Долг=["?"])
    found = rows(chunk, variables={"debt": {"column": "Долг", "type": "number"}})
    assert list(found["exclusion_reason"]) == [Reason.SHORT_NUMBER]


@pytest.mark.parametrize(
    ("cell", "kind", "value"),
    [
        (" Анна ", "string", "Анна"),
        ("", "string", ""),
        ("007", "string", "007"),
        ("1 234", "integer", 1234),
        ("1\u00a0234", "integer", 1234),
        ("-5", "integer", -5),
        ("12,00", "integer", 12),
        ("007", "integer", 7),
        ("1 234,50", "number", 1234.5),
        ("1234.5", "number", 1234.5),
        ("10", "number", 10.0),
    ],
)
def test_cells_become_values_of_the_type_that_the_campaign_names(cell: str, kind: Any, value: object) -> None:
    assert convert(cell, kind) == value
    assert type(convert(cell, kind)) is type(value)


def test_a_fraction_is_no_integer() -> None:
    with pytest.raises(ValueError, match="integer"):
        convert("12,5", "integer")


def test_a_fixed_value_takes_its_type_too() -> None:
    spec = campaign({"type": "csv", "path": "x"}, variables={"n": {"value": "5", "type": "integer"}})
    assert fixed(spec.variables["n"]) == 5


def test_the_whole_list_comes_chunk_by_chunk(tmp_path: Path) -> None:
    header = ("Телефон", "ФИО", "Регион", "Долг")
    write_csv(tmp_path / "list.csv", [header, *((f"8943{n:07d}", "", "", "") for n in range(20_001))], "cp1251")
    spec = campaign({"type": "csv", "path": "list.csv"})
    assert [len(chunk) for chunk in prepared(spec, tmp_path, Fixed(), SECRET)] == [20_000, 1]
