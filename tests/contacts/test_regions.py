"""Eleven zones, 89 subjects, and the ways people write them."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from obzvon.contacts.regions import find, named, offsets_of, stem, subjects
from obzvon.ledger.keys import ALL_OFFSETS

BAIKONUR = 99

#: The table of the domain rules, section 1.6, in full except the row of Moscow time, which is the rest.
ZONES = {
    2: {"Калининградская область"},
    4: {
        "Астраханская область",
        "Самарская область",
        "Саратовская область",
        "Ульяновская область",
        "Удмуртская Республика",
    },
    5: {
        "Республика Башкортостан",
        "Курганская область",
        "Оренбургская область",
        "Пермский край",
        "Свердловская область",
        "Тюменская область",
        "Челябинская область",
        "Ханты-Мансийский автономный округ — Югра",
        "Ямало-Ненецкий автономный округ",
    },
    6: {"Омская область"},
    7: {
        "Республика Алтай",
        "Алтайский край",
        "Кемеровская область",
        "Красноярский край",
        "Новосибирская область",
        "Томская область",
        "Республика Тыва",
        "Республика Хакасия",
    },
    8: {"Республика Бурятия", "Иркутская область"},
    9: {"Амурская область", "Забайкальский край", "Республика Саха (Якутия)"},
    10: {"Приморский край", "Хабаровский край", "Еврейская автономная область", "Республика Саха (Якутия)"},
    11: {"Магаданская область", "Сахалинская область", "Республика Саха (Якутия)"},
    12: {"Камчатский край", "Чукотский автономный округ"},
}
MOSCOW_TIME = {
    "Москва", "Санкт-Петербург", "Кировская область", "Волгоградская область", "Республика Крым", "Севастополь",
    "Донецкая Народная Республика", "Луганская Народная Республика", "Запорожская область", "Херсонская область",
    "Байконур",
}  # fmt: skip


def test_the_zones_are_those_of_the_domain_rules() -> None:
    found = defaultdict(set)
    for subject in subjects():
        for offset in subject.offsets:
            found[offset // 60].add(subject.name)
    moscow_time = found.pop(3)
    assert dict(found) == ZONES
    assert moscow_time >= MOSCOW_TIME
    assert moscow_time.isdisjoint(set().union(*ZONES.values()))


def test_there_are_89_subjects_and_baikonur() -> None:
    keys = [subject.region_key for subject in subjects()]
    assert len(keys) == len(set(keys)) == 90
    assert keys == sorted(keys)
    assert keys[-1] == BAIKONUR
    assert len({subject.name for subject in subjects()}) == 90


def test_only_yakutia_has_several_zones() -> None:
    assert [subject.name for subject in subjects() if subject.is_multi_tz] == ["Республика Саха (Якутия)"]


@pytest.mark.parametrize("month", [1, 7])
def test_the_zone_names_of_each_subject_give_exactly_its_offsets(month: int) -> None:
    moment = datetime(2026, month, 1, tzinfo=UTC)
    for subject in subjects():
        offsets = {moment.astimezone(ZoneInfo(name)).utcoffset() for name in subject.tz_names}
        assert {int(offset.total_seconds()) // 60 for offset in offsets if offset} == set(subject.offsets), subject.name


def test_no_two_subjects_share_a_name_or_an_alias() -> None:
    owners = defaultdict(set)
    for subject in subjects():
        for name in (subject.name, *subject.aliases):
            owners[stem(name)].add(subject.name)
    assert all(len(names) == 1 for names in owners.values())
    assert "" not in owners


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("г. Москва", "Москва"),
        ("МОСКВА ГОРОД", "Москва"),
        ("Московская обл.", "Московская область"),
        ("С.-Петербург", "Санкт-Петербург"),
        ("Респ. Татарстан", "Республика Татарстан"),
        ("Татарстан Респ", "Республика Татарстан"),
        ("Башкортостан", "Республика Башкортостан"),
        ("Удмуртия", "Удмуртская Республика"),
        ("Чувашская Республика - Чувашия", "Чувашская Республика"),
        ("Кемеровская область - Кузбасс", "Кемеровская область"),
        ("ХМАО-Югра", "Ханты-Мансийский автономный округ — Югра"),
        ("Ханты - Мансийский - Югра АО", "Ханты-Мансийский автономный округ — Югра"),
        ("Саха /Якутия/ Респ", "Республика Саха (Якутия)"),
        ("Якутия", "Республика Саха (Якутия)"),
        ("Алтай Респ", "Республика Алтай"),
        ("Алтайский край", "Алтайский край"),
        ("Орёл", "Орловская область"),
        ("Орловская", "Орловская область"),
        ("Екатеринбург", "Свердловская область"),
        ("Город Байконур", "Байконур"),
    ],
)
def test_a_subject_is_found_as_people_write_it(text: str, name: str) -> None:
    found = find(text)
    assert found
    assert found.name == name


@pytest.mark.parametrize("text", ["", "Масква", "Россия", "Казахстан", "область", "Кировский район", "-"])
def test_what_is_no_subject_is_not_guessed(text: str) -> None:
    assert find(text) is None


def test_an_address_names_the_subject_in_it() -> None:
    assert [s.name for s in named("644000, Россия, Омская обл., г Омск, ул. Примерная, 1")] == ["Омская область"]


def test_a_text_may_name_several_subjects() -> None:
    both = named("г. Санкт-Петербург и Ленинградская область")
    assert [s.name for s in both] == ["Санкт-Петербург", "Ленинградская область"]
    assert offsets_of(both) == (180,)


def test_all_subjects_together_cover_the_eleven_offsets() -> None:
    assert offsets_of(subjects()) == ALL_OFFSETS
