"""Faults of lists and reports: pages that repeat or shift, rows that come late, words nobody has heard."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, urlencode

import orjson
from pydantic import Field

from obzvon.sandbox.script import Script

#: Where the rows are, by vendor: TWIN's lists, Dialog's report.
_ROWS = ("items", "data")


class RowFault(Script):
    """Base of a fault that changes which rows a list or report shows. Other answers pass unchanged."""

    rows: Annotated[int, Field(ge=1)] = 1

    def asked(self, query: bytes) -> bytes:
        """The query the vendor handles instead."""
        return query

    def shown(self, body: bytes, query: bytes) -> bytes:
        """The answer's body as the client gets it; `query` is the one the client sent."""
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError:
            return body
        key = next((name for name in _ROWS if isinstance(parsed, dict) and isinstance(parsed.get(name), list)), None)
        if key is None:
            return body
        self.change(parsed, key, _offset(query))
        return orjson.dumps(parsed)

    def change(self, answer: dict[str, Any], key: str, offset: int) -> None:
        """Change the answer in place; its rows stand under `key`, the first one at `offset` of the whole list."""


class RepeatPage(RowFault):
    """Serve the page before once more: a page asked for by `offset` begins `rows` rows (a page) earlier."""

    do: Literal["repeat_page"]

    def asked(self, query: bytes) -> bytes:
        return _earlier(query, self.rows)


class ShiftRows(RowFault):
    """As if `rows` rows had come in before the page since the first one was read: it begins so much earlier."""

    do: Literal["shift_rows"]

    def asked(self, query: bytes) -> bytes:
        return _earlier(query, self.rows)

    def change(self, answer: dict[str, Any], key: str, offset: int) -> None:
        if offset:
            answer["count"] += self.rows


class LateRows(RowFault):
    """Withhold the last `rows` rows of a list or report and count them out, as if they had not appeared yet."""

    do: Literal["late_rows"]

    def change(self, answer: dict[str, Any], key: str, offset: int) -> None:
        answer["count"] = max(0, answer["count"] - self.rows)
        answer[key] = answer[key][: max(0, answer["count"] - offset)]


class UnknownStatus(RowFault):
    """The first `rows` rows of the answer have a status that no document knows."""

    do: Literal["unknown_status"]
    word: str = "TELEPORTED"

    def change(self, answer: dict[str, Any], key: str, offset: int) -> None:
        for row in answer[key][: self.rows]:
            row |= {name: self.word for name in ("status", "currentStatusName") if name in row}


class NewColumn(RowFault):
    """The report has a column nobody asked for, with `value` in every row. Lists without columns pass unchanged."""

    do: Literal["new_column"]
    name: str = "mood"
    value: str = "bored"

    def change(self, answer: dict[str, Any], key: str, offset: int) -> None:
        if "columns" in answer:
            answer["columns"].append({"field": self.name, "display_name": self.name.title(), "type": "text"})
            for row in answer[key]:
                row[self.name] = self.value


class LostColumn(RowFault):
    """The report lacks the column `name` although it was asked for. Lists without columns pass unchanged."""

    do: Literal["lost_column"]
    name: str = "result"

    def change(self, answer: dict[str, Any], key: str, offset: int) -> None:
        if "columns" in answer:
            answer["columns"] = [column for column in answer["columns"] if column["field"] != self.name]
            for row in answer[key]:
                row.pop(self.name, None)


def _offset(query: bytes) -> int:
    return int(parse_qs(query.decode("latin-1")).get("offset", ["0"])[0])


def _earlier(query: bytes, rows: int) -> bytes:
    asked = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    if "offset" in asked:
        asked["offset"] = [str(max(0, int(asked["offset"][0]) - rows))]
    return urlencode(asked, doseq=True).encode("latin-1")
