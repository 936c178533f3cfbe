"""One number, one form; and for each cell without one the reason."""

from __future__ import annotations

import pandas as pd
import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from obzvon.contacts.phones import Reason, canonical, classify

GOOD = "+79431234567"
FIXED = "+74951234567"

ACCEPTED = {
    "89431234567": GOOD,
    "79431234567": GOOD,
    "+79431234567": GOOD,
    "9431234567": GOOD,
    "8 (943) 123-45-67": GOOD,
    "+7 (943) 123-45-67": GOOD,
    "8(943)1234567": GOOD,
    "+7 943 123 45 67": GOOD,
    "8-943-123-45-67": GOOD,
    "8.943.123.45.67": GOOD,
    "8 943 12 34 567": GOOD,
    "8\u00a0943\u00a0123\u00a045\u00a067": GOOD,
    "8 943 123–45–67": GOOD,
    " 89431234567 \n": GOOD,
    "\u202a+79431234567\u202c": GOOD,
    "＋７９４３１２３４５６７": GOOD,
    "8 10 7 943 123 45 67": GOOD,
    "8 (495) 123-45-67": FIXED,
    "4951234567": FIXED,
    "8 (495) 123-45-67 доб. 12": FIXED,
    "8 (495) 123-45-67, доб.12": FIXED,
    "8 (495) 123-45-67 (доб. 12)": FIXED,
    "8 495 123 45 67 вн. 5": FIXED,
    "+7 495 123-45-67 ext. 4": FIXED,
    "84951234567#12": FIXED,
}

REFUSED = {
    "": Reason.EMPTY,
    "   ": Reason.EMPTY,
    "-": Reason.EMPTY,
    "нет": Reason.EMPTY,
    "#Н/Д": Reason.EMPTY,
    "7.9431234567E+10": Reason.EXCEL_EXPONENT,
    "7,94312E+10": Reason.EXCEL_EXPONENT,
    "79431234567.0": Reason.EXCEL_FLOAT,
    "79431234567,00": Reason.EXCEL_FLOAT,
    "'79431234567": Reason.EXCEL_APOSTROPHE,
    "’+79431234567": Reason.EXCEL_APOSTROPHE,
    "89431234567, 89431234568": Reason.TWO_PHONES,
    "8 943 123-45-67; 8 943 123-45-68": Reason.TWO_PHONES,
    "89431234567/89431234568": Reason.TWO_PHONES,
    "89431234567 89431234568": Reason.TWO_PHONES,
    "89431234567\n89431234568": Reason.TWO_PHONES,
    "89431234567 или 89431234568": Reason.TWO_PHONES,
    "8 943 123-45-67/68": Reason.TWO_PHONES,
    "+89431234567": Reason.PLUS_EIGHT,
    "+8 (943) 123-45-67": Reason.PLUS_EIGHT,
    "+77011234567": Reason.KAZAKHSTAN,
    "87011234567": Reason.KAZAKHSTAN,
    "7011234567": Reason.KAZAKHSTAN,
    "+7 600 000 00 00": Reason.KAZAKHSTAN,
    "8 800 000 00 00": Reason.TOLL_FREE,
    "88051234567": Reason.TOLL_FREE,
    "+7 809 000 00 00": Reason.TOLL_FREE,
    "88401234567": Reason.ABKHAZIA,
    "+79401234567": Reason.ABKHAZIA,
    "+1 202 555 0143": Reason.FOREIGN,
    "+375 29 000 00 01": Reason.FOREIGN,
    "375291234567": Reason.FOREIGN,
    "8 10 375 29 123 45 67": Reason.FOREIGN,
    "+86 139 1234 5678": Reason.FOREIGN,
    "112": Reason.SHORT_NUMBER,
    "123-45-67": Reason.SHORT_NUMBER,
    "8 943 123 45": Reason.SHORT_NUMBER,
    "+7 943 123": Reason.SHORT_NUMBER,
    "8943123456789": Reason.TOO_LONG,
    "779431234567": Reason.TOO_LONG,
    "8 250 123 45 67": Reason.INVALID_RANGE,
    "71001234567": Reason.INVALID_RANGE,
    "8 930 000 00 00": Reason.INVALID_RANGE,
    "уточнить": Reason.LETTERS,
    "89431234567 (Иван)": Reason.LETTERS,
    "тел. 89431234567": Reason.LETTERS,
    "8-800-ПОЗВОНИ": Reason.LETTERS,
    "7943***4567": Reason.LETTERS,
    "8 943 123 45 6О": Reason.LETTERS,
    "++79431234567": Reason.LETTERS,
}


@pytest.mark.parametrize(("cell", "e164"), ACCEPTED.items())
def test_every_usual_writing_becomes_one_form(cell: str, e164: str) -> None:
    assert classify(cell).cells == (e164, None)


@pytest.mark.parametrize(("cell", "reason"), REFUSED.items())
def test_what_cannot_be_called_has_a_reason(cell: str, reason: Reason) -> None:
    assert classify(cell).cells == (None, reason.value)


def test_every_reason_is_in_the_table() -> None:
    assert set(REFUSED.values()) == set(Reason)


def test_a_column_gives_in_order_what_its_cells_give() -> None:
    cells = pd.Series([*ACCEPTED, *REFUSED], dtype="str", index=range(10, 10 + len(ACCEPTED) + len(REFUSED)))
    found = canonical(cells)
    assert list(found.index) == list(cells.index)
    assert list(found.itertuples(index=False, name=None)) == [classify(cell).cells for cell in cells]
    assert {type(value) for value in found.to_numpy().ravel()} == {str, type(None)}


def test_an_empty_column_stays_empty() -> None:
    assert canonical(pd.Series([], dtype="str")).empty


def by_the_library(cell: str) -> str | None:
    """What the library alone says: the E.164 form of a Russian fixed or mobile number, None for anything else."""
    try:
        number = phonenumbers.parse(cell, "RU")
    except phonenumbers.NumberParseException:
        return None
    lines = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    if phonenumbers.region_code_for_number(number) != "RU" or phonenumbers.number_type(number) not in lines:
        return None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return None if e164.startswith(("+7840", "+7940")) else e164


digits = st.text("0123456789", min_size=10, max_size=10)
#: Numbers near the edges of what is callable: every code, with tails that the library treats apart.
national = st.one_of(digits, st.tuples(st.integers(100, 999), st.text("0159", min_size=7, max_size=7)).map(
    lambda parts: f"{parts[0]}{parts[1]}"
))  # fmt: skip
prefix = st.sampled_from(["", "8", "7", "+7", "8 ", "+7 ", "7-"])
shape = st.sampled_from(["{}{}{}{}", "({}) {}-{}-{}", "{} {} {} {}", "{} {}{}{}", "({}){}{}{}", "{}-{}-{}-{}"])
clean = st.builds(
    lambda head, form, n: head + form.format(n[:3], n[3:6], n[6:8], n[8:]), prefix, shape, national
)  # fmt: skip


@given(st.lists(clean, min_size=1, max_size=40))
@settings(deadline=None)
@example(["89300000000", "89300005000", "89301000000", "8 (812) 000-00-00", "+7 (840) 000-00-00", "78001000000"])
def test_the_fast_path_never_disagrees_with_the_library_nor_with_the_slow_path(cells: list[str]) -> None:
    found = canonical(pd.Series(cells, dtype="str"))
    assert list(found["e164"]) == [by_the_library(cell) for cell in cells]
    assert list(found.itertuples(index=False, name=None)) == [classify(cell).cells for cell in cells]


messy = st.text("0123456789+-() .,;/'EeдобИва\u00a0\u200b\n", max_size=30)


@given(st.lists(st.one_of(messy, clean), min_size=1, max_size=20))
@settings(deadline=None)
def test_whatever_stands_in_a_cell_it_has_either_a_callable_number_or_a_reason(cells: list[str]) -> None:
    found = canonical(pd.Series(cells, dtype="str"))
    assert list(found.itertuples(index=False, name=None)) == [classify(cell).cells for cell in cells]
    for e164, reason in found.itertuples(index=False, name=None):
        assert (e164 is None) != (reason is None)
        assert e164 is None or by_the_library(e164) == e164
