"""What identifies a person does not survive; the rest of the sentence does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obzvon.reports.redact import redact


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("мой номер +7 916 123-45-67, звоните", "мой номер [phone], звоните"),
        ("пишите 8(916)123 45 67", "пишите [phone]"),
        ("перезвоните на 89161234567", "перезвоните на [phone]"),
        ("почта ivan.petrov+1@mail.example.ru", "почта [e-mail]"),
        ("карта 4276 3800 1234 5678 до мая", "карта [card] до мая"),
        ("карта 4276380012345678", "карта [card]"),
        ("паспорт 45 08 123456", "паспорт [passport]"),
        ("паспорт 4508 № 123456 выдан", "паспорт [passport] выдан"),
        ("договор 1234", "договор [number]"),
        ("ИНН 770123456789", "ИНН [number]"),
        ("восемь девятьсот шестнадцать сто двадцать три", "[number]"),
        ("в квартире 12 живут три человека", "в квартире 12 живут три человека"),
        ("да, удобно после 18 часов", "да, удобно после 18 часов"),
        ("", ""),
    ],
)
def test_masks_what_identifies_and_keeps_the_rest(said: str, kept: str) -> None:
    assert redact(said) == kept


@given(st.text())
def test_four_digits_in_a_row_never_survive_and_nothing_breaks(text: str) -> None:
    redacted = redact(text + "1234" + text)
    assert "1234" not in redacted
    assert "\x00" not in redacted


@given(st.text(alphabet="абв 0123456789-()+.", max_size=60))
def test_masking_twice_is_masking_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)
