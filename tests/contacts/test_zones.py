"""Where in time a contact lives: what the list says, else what the number says, else anywhere."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obzvon.contacts.numbering import NumberingPlan
from obzvon.contacts.zones import Zone, offsets_told, zones
from obzvon.ledger.keys import ALL_OFFSETS

PLAN = NumberingPlan.sample()
OMSK, NOWHERE, TWO_SUBJECTS = "+79006700000", "+79430000000", "+79006200000"


def zone(declared: str = "", region: str = "", e164: str = NOWHERE) -> Zone:
    (found,) = zones(*(pd.Series([cell], dtype="str") for cell in (declared, region, e164)), plan=PLAN)
    return found


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("Asia/Omsk", (6,)),
        ("asia/omsk", (6,)),
        ("Europe/Samara", (4,)),
        ("+07:00", (7,)),
        ("+0700", (7,)),
        ("UTC+5", (5,)),
        ("utc +05:00", (5,)),
        ("GMT+10", (10,)),
        ("МСК", (3,)),
        ("мск+2", (5,)),
        ("МСК +9", (12,)),
        ("MSK-1", (2,)),
        ("МСК−1", (2,)),
        ("Московское время", (3,)),
        ("Новосибирская область", (7,)),
        ("Якутия", (9, 10, 11)),
        ("+3", (3, 6)),
        ("+9", (9, 12)),
        ("+10", (10,)),
        ("-1", (2,)),
    ],
)
def test_a_declared_zone_in_the_usual_writings(text: str, hours: tuple[int, ...]) -> None:
    assert offsets_told(text) == tuple(hour * 60 for hour in hours)


def test_a_zone_abroad_counts_with_both_its_clocks() -> None:
    assert offsets_told("Europe/Berlin") == (60, 120)
    assert offsets_told("Asia/Almaty") == (300,)


@pytest.mark.parametrize(
    "text", ["", "летнее", "UTC", "Etc/UTC", "GMT", "UTC+15", "МСК+20", "5", "+99:99", "Asia/Nowhere"]
)
def test_a_declaration_that_says_no_zone_of_a_person(text: str) -> None:
    assert offsets_told(text) == ()


def test_the_declared_zone_comes_before_the_number() -> None:
    assert zone(declared="МСК", e164=OMSK) == Zone((180,), "declared")


def test_the_region_comes_before_the_number_because_people_move() -> None:
    assert zone(region="г. Москва", e164=OMSK) == Zone((180,), "region", "Москва")


def test_a_zone_and_a_region_that_disagree_both_count() -> None:
    assert zone("МСК", "Приморский край") == Zone((180, 600), "declared", "Приморский край")


def test_a_zone_inside_the_region_narrows_it() -> None:
    assert zone("+10:00", "Якутия") == Zone((600,), "declared", "Республика Саха (Якутия)")
    assert zone("", "Якутия") == Zone((540, 600, 660), "region", "Республика Саха (Якутия)")


def test_one_of_the_two_is_enough_when_the_other_cannot_be_read() -> None:
    assert zone("летнее", "Омская область") == Zone((360,), "region", "Омская область")
    assert zone("Asia/Omsk", "Масква") == Zone((360,), "declared")


@pytest.mark.parametrize("nothing", ["", " ", "-", "нет данных", "не указано", "NULL"])
def test_without_a_declaration_the_number_decides(nothing: str) -> None:
    assert zone(nothing, nothing, OMSK) == Zone((360,), "numbering_plan", "Омская область")


def test_a_range_of_two_subjects_has_their_zone_and_no_region() -> None:
    assert zone(e164=TWO_SUBJECTS) == Zone((180,), "numbering_plan", None)


def test_a_number_that_the_plan_does_not_know_may_be_anywhere() -> None:
    assert zone(e164=NOWHERE) == Zone(ALL_OFFSETS, "unknown")


@pytest.mark.parametrize(("declared", "region"), [("летнее", ""), ("", "Масква"), ("летнее", "Масква")])
def test_a_declaration_that_cannot_be_read_is_not_replaced_by_the_number(declared: str, region: str) -> None:
    assert zone(declared, region, OMSK) == Zone(ALL_OFFSETS, "unknown")


def test_zones_come_in_the_order_of_the_contacts() -> None:
    columns = (["МСК", "", "", ""], ["", "", "Омская обл.", ""], [NOWHERE, OMSK, OMSK, NOWHERE])
    found = zones(*(pd.Series(column, dtype="str") for column in columns), plan=PLAN)
    assert [each.source for each in found] == ["declared", "numbering_plan", "region", "unknown"]


@given(st.text(max_size=20), st.text(max_size=20))
def test_whatever_the_list_says_there_is_at_least_one_candidate(declared: str, region: str) -> None:
    found = zone(declared, region)
    assert found.offsets
    assert list(found.offsets) == sorted(set(found.offsets))
