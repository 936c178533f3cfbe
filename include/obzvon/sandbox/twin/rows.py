"""How an attempt looks in TWIN's answers. Names of fields as documented; what the documents leave open is said here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Self

from obzvon.sandbox.campaigns import Campaign
from obzvon.sandbox.clock import iso
from obzvon.sandbox.records import record_url
from obzvon.sandbox.speech import Utterance, turns
from obzvon.sandbox.world import World

AUTHORS = {"bot": "BOT", "client": "CLIENT"}


class Renderer:
    """One attempt at a time, with what the answer needs of its task and contact; `address`: where recordings are."""

    def __init__(self, world: World, tasks: Iterable[Campaign], address: str) -> None:
        self._world, self._address = world, address
        self._tasks = {task.task_id: task for task in tasks}
        self.row: sqlite3.Row

    def of(self, row: sqlite3.Row) -> Self:
        self.row = row
        return self

    @property
    def task(self) -> Campaign:
        return self._tasks[self.row["task_id"]]

    @property
    def answered(self) -> bool:
        return bool(self.row["shown"] == "ANSWERED")

    @property
    def over(self) -> bool:
        return bool(self.row["now"] >= self.row["end_at"])

    @property
    def started(self) -> bool:
        return bool(self.row["now"] >= self.row["dial_at"] and self.row["dialed"])

    @property
    def bot(self) -> str:
        return self._world.settings.twin.bot_id

    @property
    def results(self) -> dict[str, str]:
        """What the script noted; `confirmation` is the key public clients read."""
        result = self.row["result"] if self.answered else None
        return {} if result is None else {"confirmation": result}

    @property
    def turns(self) -> tuple[Utterance, ...]:
        if not self.answered:
            return ()
        return turns(self.row["result"], self.row["talk"], self.row["responder"] == "machine")

    @property
    def messages(self) -> list[dict[str, Any]]:
        """`author` and `text` as in the webhook's flow; seconds from the answer as `startTime`, `endTime`."""
        return [
            {"author": AUTHORS[turn.role], "text": turn.text, "startTime": turn.start, "endTime": turn.end}
            for turn in self.turns
        ]

    @property
    def messages_text(self) -> str | None:
        return "\n".join(f"{AUTHORS[turn.role]}: {turn.text}" for turn in self.turns) or None

    @property
    def record(self) -> str | None:
        ready = self.row["record_at"] is not None and self.row["now"] >= self.row["record_at"]
        return record_url(self._address, "twin", self.row["call_id"]) if ready else None

    @property
    def contact(self) -> sqlite3.Row:
        sql = "select * from contact where contact_id = ?"
        row = self._world.store.one(sql, [self.row["contact_id"]])
        assert row is not None
        return row


Field = Callable[[Renderer], Any]

#: Fields of the call list. `duration` is whole seconds of talk, `price` roubles, `timezone` seconds east of UTC.
CALL_FIELDS: dict[str, Field] = {
    "id": lambda r: r.row["call_id"],
    "phone": lambda r: r.row["phone"],
    "duration": lambda r: int(r.row["talk"]) if r.over else 0,
    "taskId": lambda r: r.row["task_id"],
    "taskName": lambda r: r.task.name,
    "botId": lambda r: r.bot,
    "botName": lambda r: "Бот песочницы",
    "regionId": lambda r: None,
    "timezone": lambda r: r.contact["offset_sec"],
    "status": lambda r: r.row["shown"],
    "responder": lambda r: r.row["responder"] if r.answered and r.task.rules.amd else None,
    "shortNumber": lambda r: None,
    "transferredToOperator": lambda r: bool(r.row["transferred"]) and r.answered,
    "linkToLog": lambda r: None,
    "createdAt": lambda r: iso(r.row["queued_at"]),
    "updatedAt": lambda r: iso(r.row["updated_at"]),
    "startedAt": lambda r: iso(r.row["dial_at"]) if r.started else None,
    "price": lambda r: r.row["price"] if r.over else 0,
    "messages": lambda r: r.messages,
    "messagesAsString": lambda r: r.messages_text,
    "recordPath": lambda r: r.record,
    "additional": lambda r: None,
    "externalId": lambda r: r.row["external_id"],
    "dialogResults": lambda r: r.results if r.answered else None,
    "nps": lambda r: None,
    "isFinished": lambda r: r.over,
    "operatorDuration": lambda r: 0,
    "botDuration": lambda r: int(r.row["talk"]) if r.over else 0,
    "markers": lambda r: [],
}

#: Fields of the sessions.
SESSION_FIELDS: dict[str, Field] = {
    "id": lambda r: r.row["call_id"],
    "taskId": lambda r: r.row["task_id"],
    "number": lambda r: r.row["phone"],
    "currentStatusName": lambda r: r.row["shown"],
    "messages": lambda r: r.messages,
    "messagesAsString": lambda r: r.messages_text,
    "results": lambda r: r.results if r.answered else None,
    "resultsString": lambda r: json.dumps(r.results) if r.answered else None,
    "dialogResult": lambda r: r.results.get("confirmation"),
    "variablesString": lambda r: r.contact["variables"],
    "autoCallCandidateId": lambda r: str(r.row["contact_id"]),
    "externalId": lambda r: r.row["external_id"],
    "botId": lambda r: r.bot,
    "companyId": lambda r: None,
    "timezone": lambda r: r.contact["offset_sec"],
    "isIncoming": lambda r: False,
    "duration": lambda r: int(r.row["talk"]) if r.over else 0,
    "robotCallDuration": lambda r: int(r.row["talk"]) if r.over else 0,
    "mainCallDuration": lambda r: int(r.row["talk"]) if r.over else 0,
    "recordPath": lambda r: r.record,
    "nps": lambda r: None,
    "markersString": lambda r: None,
    "createdAt": lambda r: iso(r.row["queued_at"]),
    "startedAt": lambda r: iso(r.row["dial_at"]) if r.started else None,
    "finishedAt": lambda r: iso(r.row["end_at"]) if r.over else None,
}
