"""Canonical phones: one E.164 form per number, or the reason why there is none.

The `phonenumbers` library decides what a valid Russian number is. Clean Russian forms go through a vectorised fast path
whose pattern is taken from the library's own metadata, so an upgrade of the library changes both ways at once; a test
with generated numbers holds that they never disagree. Everything else goes one by one through `classify`.

Accepted: 8…, 7…, +7…, ten digits; blanks, brackets, dashes and dots anywhere; an extension («доб. 12», `ext. 12`) is
cut off. Refused with a reason: what Excel spoils (`7.9161234567E+10`, `79161234567.0`, a leading apostrophe), two
phones in one cell, `+8…`, letters, short, long and foreign numbers, the parts of +7 that are no subscribers in Russia.
Source: domain rules, hazard 14 (an apostrophe stands there among the damage, so it is refused, not repaired) and 1.6.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd
import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType


class Reason(StrEnum):
    """Why a cell holds no phone that may be called: `exclusion_reason` of a row with `EXCL_INVALID`."""

    EMPTY = "empty"
    LETTERS = "letters"
    SHORT_NUMBER = "short_number"
    TOO_LONG = "too_long"
    EXCEL_EXPONENT = "excel_exponent"
    EXCEL_FLOAT = "excel_float"
    EXCEL_APOSTROPHE = "excel_apostrophe"
    TWO_PHONES = "two_phones"
    FOREIGN = "foreign"
    KAZAKHSTAN = "kazakhstan"
    TOLL_FREE = "toll_free"
    ABKHAZIA = "abkhazia"
    PLUS_EIGHT = "plus_eight"
    INVALID_RANGE = "invalid_range"


@dataclass(frozen=True, slots=True)
class Phone:
    """Exactly one of the two is set."""

    e164: str | None = None
    reason: Reason | None = None

    @property
    def cells(self) -> tuple[str | None, str | None]:
        return self.e164, self.reason.value if self.reason else None


#: What people write where they have no phone.
_NOTHING = frozenset(
    {"", "-", "–", "—", "0", "нет", "нет данных", "не указан", "н/д", "null", "none", "nan", "n/a", "#н/д"}
)
_CALLABLE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_ABKHAZIA = ("840", "940")

_CLEAN = r"(?:\+7|7|8)?[ \u00a0]?\(?[0-9]{3}\)?[ \u00a0-]?[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{2}"
_EXTENSION = re.compile(
    r"[\s,;]*(?:доб(?:авочный|\.)?|вн(?:утр)?\.?|ext(?:ension)?\.?|;ext=|[xх#])[\s:№.]*\d{1,6}\s*\)?$", re.IGNORECASE
)
_EXPONENT = re.compile(r"[+-]?\d+(?:[.,]\d*)?[eе][+-]?\d+", re.IGNORECASE)
_FLOAT = re.compile(r"\+?\d{10,}[.,]\d{1,2}")
_APOSTROPHE = re.compile(r"['’‘`´]")
_PLAIN = re.compile(r"\+?[0-9\s().\-‐‑‒–—−]+")
_BETWEEN_PHONES = re.compile(r"\d\D*(?:[,;/|\\\n]|\bи\b|\bили\b)\D*\d", re.IGNORECASE)


def _callable_pattern() -> str:
    """National numbers (ten digits) that the library takes for Russian fixed or mobile lines."""
    metadata = PhoneMetadata.metadata_for_region("RU", None)
    lines = (metadata.fixed_line, metadata.mobile) if metadata else ()
    return "|".join(f"(?:{line.national_number_pattern})" for line in lines if line and line.national_number_pattern)


_CALLABLE_PATTERN = _callable_pattern()


def canonical(cells: pd.Series[str]) -> pd.DataFrame:
    """Columns `e164` and `reason` (object dtype) on the index of `cells`; each row has one, and None in the other."""
    fast = _fast(cells)
    slow = {raw: classify(raw) for raw in cells[fast.isna()].unique()}
    both = [
        (quick, None) if isinstance(quick, str) else slow[raw].cells
        for quick, raw in zip(fast.tolist(), cells.tolist(), strict=True)
    ]
    return pd.DataFrame(both, columns=["e164", "reason"], index=cells.index, dtype=object)


def _fast(cells: pd.Series[str]) -> pd.Series[str]:
    """E.164 of the cells in a clean Russian form with a callable number, missing elsewhere."""
    cells = cells.astype("str").str.strip()
    national = cells.where(cells.str.fullmatch(_CLEAN)).str.replace("[^0-9]", "", regex=True).str[-10:]
    good = national.str.fullmatch(_CALLABLE_PATTERN) & ~national.str.startswith(_ABKHAZIA)
    return "+7" + national.where(good.astype("boolean").fillna(False).astype(bool))


def classify(raw: str) -> Phone:
    """The slow way: one cell, any writing, the library's verdict."""
    text = _visible(raw)
    damage = _damage(text)
    if damage:
        return Phone(reason=damage)
    text = _EXTENSION.sub("", text)
    digits = re.sub(r"\D", "", text)
    if len(digits) >= 20 or _BETWEEN_PHONES.search(text):
        return Phone(reason=Reason.TWO_PHONES)
    if not digits or not _PLAIN.fullmatch(text):
        return Phone(reason=Reason.LETTERS)
    return _numeric(text, digits)


def _visible(raw: str) -> str:
    """The cell without direction marks and zero-width characters, which phones and messengers add when copying."""
    return "".join(c for c in unicodedata.normalize("NFKC", raw) if unicodedata.category(c) != "Cf").strip()


def _damage(text: str) -> Reason | None:
    """What is wrong before any number is looked at."""
    if text.lower() in _NOTHING:
        return Reason.EMPTY
    if _APOSTROPHE.match(text):
        return Reason.EXCEL_APOSTROPHE
    if _EXPONENT.fullmatch(text):
        return Reason.EXCEL_EXPONENT
    return Reason.EXCEL_FLOAT if _FLOAT.fullmatch(text) else None


def _numeric(text: str, digits: str) -> Phone:
    """A cell that is digits and punctuation only."""
    plus = text.startswith("+")
    if plus and len(digits) == 11 and digits[0] == "8" and _russian(digits[1:]).e164:
        return Phone(reason=Reason.PLUS_EIGHT)
    national = _national(digits, plus)
    if national:
        return _russian(national)
    return _elsewhere(text, digits, plus)


def _national(digits: str, plus: bool) -> str | None:
    """The ten national digits when the cell is written the Russian way."""
    if len(digits) == 11 and digits[0] in ("7" if plus else "78"):
        return digits[1:]
    return digits if len(digits) == 10 and not plus else None


def _russian(national: str) -> Phone:
    """The verdict on ten national digits under +7."""
    if national[0] in "67":
        return Phone(reason=Reason.KAZAKHSTAN)
    if national.startswith("80"):
        return Phone(reason=Reason.TOLL_FREE)
    if national.startswith(_ABKHAZIA):
        return Phone(reason=Reason.ABKHAZIA)
    number = phonenumbers.parse(f"+7{national}")
    if phonenumbers.number_type(number) not in _CALLABLE:
        return Phone(reason=Reason.INVALID_RANGE)
    return Phone(e164=f"+7{national}")


def _elsewhere(text: str, digits: str, plus: bool) -> Phone:
    """Not the Russian length: a number with an international prefix, another country's, or too few or many digits."""
    verdict = _international(text) if plus else _international(text) or _international(f"+{digits}")
    if verdict:
        return verdict
    if plus and digits[0] == "8":
        return Phone(reason=Reason.PLUS_EIGHT)
    if plus and digits[0] != "7":
        return Phone(reason=Reason.FOREIGN)
    if len(digits) in (10, 11):
        return Phone(reason=Reason.INVALID_RANGE)
    return Phone(reason=Reason.SHORT_NUMBER if len(digits) < 10 else Reason.TOO_LONG)


def _international(candidate: str) -> Phone | None:
    """A verdict if the library reads `candidate` as a valid number of any country."""
    try:
        number = phonenumbers.parse(candidate, "RU")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    if number.country_code != 7:
        return Phone(reason=Reason.FOREIGN)
    national = str(number.national_number)
    return _russian(national) if len(national) == 10 else Phone(reason=Reason.TOLL_FREE)
