"""What to do about a row that a register could not use: one sentence for each reason."""

from __future__ import annotations

from collections.abc import Mapping

from obzvon.contacts.phones import Reason
from obzvon.stages.register_rows import RowReason

__all__ = ["CURES"]

_AS_TEXT = "export the phone column as text, not as a number, and import the file again"
_ABROAD = "such a phone is never called, so it needs no entry; take the row out"

CURES: Mapping[str, str] = {
    Reason.EMPTY: "write a phone into the cell, or take the row out",
    Reason.LETTERS: "leave nothing but the phone in the cell; --column phone=… names another column",
    Reason.SHORT_NUMBER: "write the whole number, +7 and ten digits",
    Reason.TOO_LONG: "write one number, +7 and ten digits",
    Reason.EXCEL_EXPONENT: _AS_TEXT,
    Reason.EXCEL_FLOAT: _AS_TEXT,
    Reason.EXCEL_APOSTROPHE: "take the apostrophe before the number away",
    Reason.TWO_PHONES: "give each phone a row of its own",
    Reason.FOREIGN: _ABROAD,
    Reason.KAZAKHSTAN: _ABROAD,
    Reason.ABKHAZIA: _ABROAD,
    Reason.TOLL_FREE: _ABROAD,
    Reason.PLUS_EIGHT: "write +7 instead of +8",
    Reason.INVALID_RANGE: "no such code exists in Russia; correct the number, or take the row out",
    RowReason.BAD_DATE: "write days as 2026-11-20 or 20.11.2026",
    RowReason.UNKNOWN_PURPOSE: "write *, advertising, service, debt or survey",
    RowReason.NO_REASON: "say why by --reason, or fill the column of the reason",
    RowReason.NO_EVIDENCE: "say where the proof is by --proof, or fill the column of the proof",
    RowReason.NO_FROM: "say when it was given by --given-on, or fill the column of the day",
    RowReason.ENDS_BEFORE_IT_BEGINS: "the last day is before the first one; swap or correct them",
    RowReason.NOT_GIVEN_YET: "the consent is dated in the future; correct the day, or add it when it was given",
}
