"""What the rows of a report turn out to hold, column by column: what a mapping is drafted from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as made
from typing import Any

from obzvon.reports.redact import redact
from obzvon.vendors.base import Column

__all__ = ["ColumnSeen", "Observation"]

#: More different values than these are no list of words; longer ones no word.
MOST_VALUES = 30
LONGEST_VALUE = 60
#: A word of a list comes again; a name seldom does.
LEAST_REPEATS = 3
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT?|\d\d\.\d\d\.\d{4}")


@dataclass(slots=True)
class ColumnSeen:
    """One column. `filled` rows have a value; `kinds` count what the values are; `declared` is what the report says."""

    field: str
    declared: Column | None = None
    filled: int = 0
    kinds: Counter[str] = made(default_factory=Counter)
    _values: Counter[str] | None = made(default_factory=Counter)

    @property
    def kind(self) -> str:
        """The vendor's word for the type, else what most values are."""
        if self.declared and self.declared.kind:
            return self.declared.kind
        return self.kinds.most_common(1)[0][0] if self.kinds else "empty"

    @property
    def caption(self) -> str:
        return self.declared.caption if self.declared else ""

    @property
    def words(self) -> Counter[str]:
        """The values, where they are a short list of words that come again and show no number of anybody."""
        if not self._values or self.filled < LEAST_REPEATS * len(self._values):
            return Counter()
        return self._values

    @property
    def every_word(self) -> Counter[str]:
        """The values, however seldom: for a column that is known to hold words."""
        return self._values or Counter()

    def add(self, value: Any) -> None:
        """Count one value."""
        if value is None or value in ("", []):
            return
        self.filled += 1
        self.kinds[_kind(value)] += 1
        if self._values is None or not isinstance(value, str | bool):
            return
        text = str(value).lower() if isinstance(value, bool) else value.strip()
        self._values[text] += 1
        if len(self._values) > MOST_VALUES or len(text) > LONGEST_VALUE or redact(text) != text:
            self._values = None


class Observation:
    """Columns of one or more pages, in the order in which the report names them."""

    def __init__(self) -> None:
        self.rows = 0
        self._columns: dict[str, ColumnSeen] = {}

    @property
    def columns(self) -> tuple[ColumnSeen, ...]:
        return tuple(self._columns.values())

    def named(self, field: str | None) -> ColumnSeen | None:
        """The column of that key, if there is one."""
        return self._columns.get(field) if field else None

    def add(self, declared: Iterable[Column], rows: Iterable[Mapping[str, Any]]) -> None:
        """Look at a page: the columns that it says it has, and its rows."""
        for column in declared:
            self._column(column.field).declared = column
        for row in rows:
            self.rows += 1
            for name, value in row.items():
                self._column(name).add(value)

    def _column(self, name: str) -> ColumnSeen:
        return self._columns.setdefault(name, ColumnSeen(name))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, str):
        return "datetime" if _MOMENT.match(value) else "text"
    return "list" if isinstance(value, list) else "object" if isinstance(value, dict) else "number"
