"""The numbering plan answers for exact ranges, and says nothing where it knows nothing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from obzvon.contacts.numbering import SETTING, NumberingPlan, numbering_plan
from obzvon.contacts.regions import offsets_of, subjects
from obzvon.errors import ConfigError
from obzvon.ledger.keys import ALL_OFFSETS

HEADER = "АВС/ DEF;От;До;Емкость;Оператор;Регион;Территория ГАР;ИНН"


def register(folder: Path, *rows: str, name: str = "DEF-9xx.csv", header: str = HEADER) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join([header, *rows]) + "\n", "utf-8-sig")
    return folder


def names(plan: NumberingPlan, *phones: str) -> list[list[str] | None]:
    found = plan.lookup(pd.Series(phones, dtype="str"))
    return [None if places is None else [subject.name for subject in places] for places in found]


def test_ranges_are_exact_to_one_number(tmp_path: Path) -> None:
    plan = NumberingPlan.load(
        register(
            tmp_path / "plan",
            '900;0000000;0061999;62000;ООО "Т2 МОБАЙЛ";-;Краснодарский край;7743895280',
            '900;0062000;0062000;1;ООО "Т2 МОБАЙЛ";Ростовская обл.;Ростовская область;7743895280',
            '901;9999999;9999999;1;АО "МТТ";-;Омская область;7705017253',
        )
    )
    assert names(plan, "+79000061999", "+79000062000", "+79000062001", "+79019999999", "+73010000000") == [
        ["Краснодарский край"],
        ["Ростовская область"],
        None,
        ["Омская область"],
        None,
    ]


def test_all_files_of_the_folder_count(tmp_path: Path) -> None:
    folder = register(tmp_path / "plan", "900;0000000;0000009;10;А;-;Омская область;1")
    register(folder, "301;2110000;2129999;20000;Б;г. Улан-Удэ|Республика Бурятия;-;2", name="ABC-3xx.csv")
    assert names(NumberingPlan.load(folder), "+79000000000", "+73012110000") == [
        ["Омская область"],
        ["Республика Бурятия"],
    ]


@pytest.mark.parametrize(
    ("territory", "expected"),
    [
        ("г. Улан-Удэ|г.о. город Улан-Удэ|Республика Бурятия", ["Республика Бурятия"]),
        ("г. Киров|Калужская область", ["Калужская область"]),
        ("Город Москва, Московская область", ["Москва", "Московская область"]),
        ("г. Санкт-Петербург * Ленинградская область", ["Санкт-Петербург", "Ленинградская область"]),
        ("Архангельская область и Ненецкий автономный округ", ["Архангельская область", "Ненецкий автономный округ"]),
        ("Московская область * Москва|Московская область * Москва", ["Московская область", "Москва"]),
    ],
)
def test_a_territory_may_be_one_subject_or_several(tmp_path: Path, territory: str, expected: list[str]) -> None:
    folder = register(tmp_path / "plan", f"900;0000000;0000009;10;А;-;{territory};1")
    assert names(NumberingPlan.load(folder), "+79000000001") == [expected]


@pytest.mark.parametrize(
    "territory", ["Российская Федерация", "Российская Федерация, кроме Чеченской Республики", "Новая область", "-", ""]
)
def test_a_territory_that_is_the_whole_country_or_unknown_may_be_anywhere(tmp_path: Path, territory: str) -> None:
    folder = register(tmp_path / "plan", f"900;0000000;0000009;10;А;{territory};{territory};1")
    (found,) = NumberingPlan.load(folder).lookup(pd.Series(["+79000000001"]))
    assert found == subjects()
    assert offsets_of(found) == ALL_OFFSETS


def test_the_shipped_excerpt_knows_a_range_in_every_zone() -> None:
    plan = NumberingPlan.sample()
    assert {offset for places in plan.places for offset in offsets_of(places)} == set(ALL_OFFSETS)
    assert (plan.starts <= plan.ends).all()


def test_the_folder_of_the_setting_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = register(tmp_path / "plan", "999;0000000;9999999;10000000;А;-;Камчатский край;1")
    monkeypatch.setenv(SETTING, str(folder))
    numbering_plan.cache_clear()
    assert names(numbering_plan(), "+79991234567") == [["Камчатский край"]]
    numbering_plan.cache_clear()


def refused(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        NumberingPlan.load(folder)
    return str(caught.value)


def test_a_folder_without_files(tmp_path: Path) -> None:
    assert refused(tmp_path).startswith(f"OBZVON_NUMBERING_PLAN: no CSV files in {tmp_path}; put ABC-3xx")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("<html>", "error"),
        (HEADER, "abc;0;1;2;А;-;Омская область;1"),
        (HEADER, "900;;0000009;10;А;-;Омская область;1"),
        (HEADER, "900;0000000;0000009;10;А;-;Омская область;1;2;3"),
    ],
)
def test_a_file_of_another_format(tmp_path: Path, header: str, row: str) -> None:
    folder = register(tmp_path / "plan", row, header=header)
    assert refused(folder).startswith("DEF-9xx.csv: not a file of the numbering plan (")


def test_ranges_that_overlap(tmp_path: Path) -> None:
    folder = register(
        tmp_path / "plan",
        "900;0000000;0000009;10;А;-;Омская область;1",
        "900;0000009;0000019;11;А;-;Томская область;1",
    )
    assert refused(folder) == (
        "DEF-9xx.csv: the range from 9000000009 overlaps another one;"
        " download the register again or unset OBZVON_NUMBERING_PLAN"
    )
