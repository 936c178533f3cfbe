"""Text without what identifies a person: applied to every transcript and script result before it is stored.

Masked: e-mail addresses, card, phone and passport numbers in the ways people write them, any four digits in a row, and
numbers spelled out in Russian words, which is how speech recognition writes a dictated phone. Source: rules §1.5.
"""

from __future__ import annotations

import re

__all__ = ["redact"]

_GAP = r"[\s.\-–—]?"
_NUMERAL = (
    r"(?:нол[ья]|ноль|один|одна|одно|два|две|три|четыр[её]|пять|шесть|семь|восемь|девять|десять"
    r"|(?:один|две|три|четыр|пят|шест|сем|восем|девят)надцать|двадцать|тридцать|сорок|(?:пять|шесть|семь|восемь)десят"
    r"|девяносто|сто|двести|триста|четыреста|(?:пять|шесть|семь|восемь|девять)сот|тысяч[аи]?)"
)

_DIGITS = re.compile(r"\d")
_NUMBERS = (
    (re.compile(rf"(?<!\d)\d{{4}}{_GAP}\d{{4}}{_GAP}\d{{4}}{_GAP}\d{{1,4}}(?:{_GAP}\d{{1,3}})?(?!\d)"), "[card]"),
    (re.compile(rf"(?<!\d)(?:\+?\d{_GAP})?\(?\d{{3}}\)?{_GAP}\d{{3}}{_GAP}\d{{2}}{_GAP}\d{{2}}(?!\d)"), "[phone]"),
    (re.compile(r"(?<!\d)\d{2}\s?\d{2}\s?(?:№|[Nn]|[Нн]омер)?\s?\d{6}(?!\d)"), "[passport]"),
    (re.compile(r"\d{4,}"), "[number]"),
)
_E_MAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_SPELLED = re.compile(rf"(?<!\w){_NUMERAL}(?:[\s,\-]+{_NUMERAL}){{3,}}(?!\w)", re.IGNORECASE)
#: Four numerals of three letters with a character between them.
_SHORTEST = 15
#: Every Russian numeral has one of these: counting them is thirty times as fast as looking for four numerals.
_STEMS = ("нол", "один", "одн", "дв", "три", "четыр", "пят", "шест", "сем", "девят", "десят", "сорок", "сто", "тысяч")


def redact(text: str) -> str:
    """The text with every match replaced by what it was, and without NUL, which PostgreSQL does not store."""
    text = text.replace("\x00", "")
    if "@" in text:
        text = _E_MAIL.sub("[e-mail]", text)
    if _DIGITS.search(text):
        for pattern, mask in _NUMBERS:
            text = pattern.sub(mask, text)
    if len(text) >= _SHORTEST and sum(map(text.lower().count, _STEMS)) >= 4:
        text = _SPELLED.sub("[number]", text)
    return text
