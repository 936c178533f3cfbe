"""The columns of a Dialog report that a campaign file reads, as a type: what nobody reads is passed over undecoded."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from obzvon.vendors.dialog_settings import ReportFields
from obzvon.vendors.transcripts import Said

__all__ = ["ROLES", "Columns"]

ROLES = tuple(role for role in ReportFields.model_fields if role != "results")


class Columns:
    """Rows with an attribute for each role (None where no column has it) and `result_0`, `result_1` … for results.

    A column that a row lacks is None, like an empty one. `decode` takes a JSON list of rows and raises ValidationError
    where a transcript has another shape than usual; it is None where one column has two roles.
    """

    def __init__(self, fields: ReportFields) -> None:
        named = {role: getattr(fields, role) for role in ROLES}
        self.results = tuple((name, f"result_{number}") for number, name in enumerate(fields.results))
        named |= {slot: fields.results[name] for name, slot in self.results}
        self._names = tuple(named.values())
        self._type, self.decode = _decoder(tuple(named.items()))

    def row(self, item: Any) -> Any:
        """The row of an item, whether it was decoded as one or as an object; None when it is neither."""
        if type(item) is self._type:
            return item
        return self._type(*map(item.get, self._names)) if isinstance(item, dict) else None


@lru_cache(maxsize=64)
def _decoder(named: tuple[tuple[str, str | None], ...]) -> tuple[Any, Callable[[bytes], list[Any]] | None]:
    kinds = [(slot, list[Said] | str | None if slot == "dialog" else Any, None) for slot, _ in named]
    # a role without a column must not take the value of one that happens to be called like it
    renamed = {slot: name or f"\x7f{slot}" for slot, name in named}
    if len(set(renamed.values())) < len(renamed):
        return msgspec.defstruct("ReportRow", kinds, gc=False), None
    made = msgspec.defstruct("ReportRow", kinds, rename=renamed, gc=False)
    rows: Any = list[made]  # type: ignore[valid-type]
    return made, msgspec.json.Decoder(rows, float_hook=Decimal).decode
