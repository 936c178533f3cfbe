"""A vendor whose report is JSON lines that a test writes, and the ways to collect it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, ClassVar

import psycopg
from launching import CALL_DATE, PLAN, ScriptedDialer, plan_of, spec

from obzvon.campaigns.spec import CampaignSpec
from obzvon.dispositions import Disposition
from obzvon.errors import ContractBreak
from obzvon.ledger.keys import external_id
from obzvon.reports.archive import Archive
from obzvon.stages.collect import LoadResult, download, load
from obzvon.vendors.base import Attempt, Column, Order, Page, Part, Row, Task, Totals, Turn

__all__ = ["CALL_DATE", "NINE", "PLAN", "SECRET", "JsonlDialer", "Line", "Vendor", "call", "part", "plan_of", "spec"]

SECRET = b"secret"
NINE = datetime(2031, 5, 20, 9, tzinfo=UTC)  # noon in Moscow
Line = Mapping[str, Any]


def call(number: int, contact: int | None = 1, **changes: Any) -> dict[str, Any]:
    """One call of the report: `number` names it and its minute, `contact` is the row of the list (None: not ours)."""
    started = NINE + timedelta(minutes=number)
    values = {
        "id": f"k{number}",
        "external_id": None if contact is None else external_id(PLAN, contact),
        "phone": None if contact is None else f"+7916{contact:07d}",
        "started_at": started.isoformat(),
        "updated_at": (started + timedelta(minutes=5)).isoformat(),
        "disposition": "NO_ANSWER",
        "status": "NOANSWER",
    }
    return values | changes


def part(number: int, **values: Any) -> dict[str, Any]:
    """The transcript or the results of a call, as another page brings them."""
    return {"part": f"k{number}", **values}


class JsonlDialer(ScriptedDialer):
    """Reports the pages it was given. Parses one JSON object a line; a line that says `broken` breaks the contract."""

    code: ClassVar[str] = "dialog"

    def __init__(self, pages: Iterable[tuple[str, Iterable[Line]]] = (), requests: Iterable[Line] = ()) -> None:
        super().__init__()
        self.pages, self.requests, self.asked = list(pages), list(requests), 0

    async def report(self, task: Task) -> AsyncIterator[Page]:
        self.asked += 1
        for number, (kind, lines) in enumerate(self.pages, 1):
            request = self.requests[number - 1] if self.requests else {"kind": kind, "offset": number}
            yield Page(kind, number, request, _stream(lines))

    @classmethod
    def contents(cls, spec: CampaignSpec, kind: str, stream: IO[bytes]) -> Iterator[Row | Totals]:
        for line in stream:
            values = json.loads(line)
            yield _totals(values) if "totals" in values else cls.read(values)

    @classmethod
    def read(cls, line: Line) -> Row:
        """One line as a row."""
        return _row(line)

    @classmethod
    def totals(cls, kind: str, stream: IO[bytes]) -> Totals:
        for line in stream:
            if "totals" in (values := json.loads(line)):
                return _totals(values)
        return Totals()


async def _stream(lines: Iterable[Line]) -> AsyncIterator[bytes]:
    for line in lines:
        yield json.dumps(line).encode() + b"\n"


def _totals(values: Line) -> Totals:
    return Totals(values["totals"], columns=tuple(map(Column, values.get("columns", ()))))


def _row(values: Line) -> Row:
    if "broken" in values:
        return ContractBreak("jsonl.row", values["broken"], "is not what the document says")
    turns = tuple(Turn(*turn) for turn in values.get("turns", ()))
    results = values.get("results", {})
    if "part" in values:
        return Part(values["part"], results, turns)
    talk = values.get("talk")
    return Attempt(
        vendor_call_id=values["id"],
        external_id=values["external_id"],
        phone=values["phone"],
        started_at=datetime.fromisoformat(values["started_at"]),
        updated_at=datetime.fromisoformat(values["updated_at"]),
        disposition=Disposition(values["disposition"]),
        status_raw=values["status"],
        talk_sec=None if talk is None else Decimal(str(talk)),
        cost_rub=Decimal(values.get("cost", "0")),
        record_url=values.get("record"),
        results=results,
        goal_reached=values.get("goal", False),
        turns=turns,
        derived_id=values.get("derived", False),
    )


class Vendor:
    """The report of one intent, pulled and loaded again and again."""

    def __init__(self, dsn: str, folder: Path, intent_id: str) -> None:
        self.dsn, self.intent_id = dsn, intent_id
        self.archive = Archive(folder)
        self.spec = spec()
        self.dialer = JsonlDialer

    @property
    def task(self) -> Task:
        order = Order(
            self.intent_id, "name", "", CALL_DATE, (180,), NINE, NINE, NINE.time(), NINE.time()
        )  # fmt: skip
        return Task(order, "task", 1)

    async def pull(self, batch_id: str, *pages: Iterable[Line], kinds: str = "calls") -> JsonlDialer:
        """Archive pages; `kinds` names the kind of each page, the last one of the rest."""
        names = kinds.split()
        named = [(names[min(n, len(names) - 1)], list(lines)) for n, lines in enumerate(pages)]
        dialer = JsonlDialer(named)
        await download(self.dsn, self.archive, dialer, self.task, batch_id)
        return dialer

    def load(self, conn: psycopg.Connection, batch_id: str) -> LoadResult:
        return load(conn, self.archive, self.spec, self.dialer, self.intent_id, batch_id, secret=SECRET)

    async def collect(
        self, conn: psycopg.Connection, batch_id: str, *pages: Iterable[Line], kinds: str = "calls"
    ) -> LoadResult:
        await self.pull(batch_id, *pages, kinds=kinds)
        return self.load(conn, batch_id)
