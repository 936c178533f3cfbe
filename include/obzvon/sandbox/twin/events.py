"""TWIN's webhooks: what the tasks were told to send, when its virtual time has come, repeated until somebody says 200.

Bodies as WK-HOOK and public clients have them; that of AUTOCALL_STATUS_CHANGED is the sandbox's own (no page shows it).
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import aiohttp
import orjson
from pydantic import BaseModel, ConfigDict, Field

from obzvon.sandbox.campaigns import Campaign
from obzvon.sandbox.clock import iso
from obzvon.sandbox.twin.rows import Renderer
from obzvon.sandbox.world import World

__all__ = ["EventFaults", "Postman"]

log = logging.getLogger(__name__)

#: Real seconds between two rounds; between two tries of a body, doubled each time.
ROUND, AGAIN, LONGEST = 0.2, 0.5, 3600.0
AT_ONCE = 32
#: What the old form of a webhook, a bare address, gets.
ALWAYS = frozenset({"CALL_ENDED", "CANDIDATE_CHANGED"})


class EventFaults(BaseModel):
    """What goes wrong on the way. Shares are of all events; `forged` and `oversized` come on top, one a true event.

    `lost`: never sent; `doubled`: sent twice whatever the answer; `reordered`: a round's events go in a random order;
    `forged`: with another secret at the end of the path; `oversized`: `oversized_kib` of a true beginning.
    """

    model_config = ConfigDict(extra="forbid")

    lost: Annotated[float, Field(ge=0, le=1)] = 0.0
    doubled: Annotated[float, Field(ge=0, le=1)] = 0.0
    reordered: bool = False
    forged: Annotated[float, Field(ge=0, le=1)] = 0.0
    oversized: Annotated[float, Field(ge=0, le=1)] = 0.0
    oversized_kib: Annotated[int, Field(ge=1, le=65_536)] = 2048


@dataclass(slots=True)
class _Letter:
    """A body on its way; `kind`: true, doubled, forged or oversized."""

    url: str
    body: bytes
    kind: str = "true"
    tries: int = 0
    due: float = 0.0


@dataclass(slots=True)
class Postman:
    """Sends the events of one world. In memory: a restart sends what it finds once more, as duplicates."""

    world: World
    faults: EventFaults = field(default_factory=EventFaults)
    answers: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    _hooks: dict[str, list[tuple[str, frozenset[str]]]] = field(default_factory=dict)
    _learnt: int = 0
    _told: set[str] = field(default_factory=set)
    _statuses: dict[str, str] = field(default_factory=dict)
    _waiting: list[_Letter] = field(default_factory=list)
    _draw: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311

    @property
    def waiting(self) -> int:
        """Bodies that nobody has said 200 to yet."""
        return len(self._waiting)

    async def run(self) -> None:
        """Until it is cancelled."""
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while True:
                self._collect()
                await self._deliver(http)
                await asyncio.sleep(ROUND)

    def _collect(self) -> None:
        """Put what has happened on its way."""
        letters = list[_Letter]()
        self._learn()
        for task_id, hooks in self._hooks.items():
            task = self.world.campaigns.find("twin", task_id)
            if task is None or task.state == "waiting":
                continue
            for said in self._news(self.world.lifecycle.settled(task)):
                body = orjson.dumps(said)
                letters += [_Letter(url, body) for url, wanted in hooks if said["event"] in wanted]
        if self.faults.reordered:
            self._draw.shuffle(letters)
        for letter in letters:
            self._post(letter)

    def _learn(self) -> None:
        """Tasks that came since the last round, where they want events: most want none, and there may be thousands."""
        newest = self.world.store.value("select coalesce(max(rowid), 0) from campaign")
        if newest < self._learnt:  # the world was reset
            self._learnt = 0
            self._hooks.clear()
        sql = "select task_id, body from campaign where vendor = 'twin' and rowid > ?"
        for row in self.world.store.rows(sql, [self._learnt]):
            if hooks := _hooks(json.loads(row["body"])):
                self._hooks[row["task_id"]] = hooks
        self._learnt = newest

    def _post(self, letter: _Letter) -> None:
        chance = self._draw.random
        if chance() < self.faults.lost:
            self.lost.append(letter.body.decode())
            return
        self._waiting.append(letter)
        if chance() < self.faults.doubled:
            self._waiting.append(_Letter(letter.url, letter.body, "doubled"))
        if chance() < self.faults.forged:
            self._waiting.append(_Letter(letter.url[:-1] + "~", letter.body, "forged"))
        if chance() < self.faults.oversized:
            large = letter.body[:-1] + b',"padding":"' + b"x" * (self.faults.oversized_kib << 10) + b'"}'
            self._waiting.append(_Letter(letter.url, large, "oversized"))

    def _news(self, task: Campaign) -> Iterator[dict[str, Any]]:
        world = self.world
        render = Renderer(world, [task], "")
        rows = world.views.attempts([task], "dialed = 1 and now >= end_at", order="end_at, call_id")
        for row in rows:
            if row["call_id"] not in self._told:
                self._told.add(row["call_id"])
                yield _ended(render.of(row), world)
        for row in world.store.rows(
            "select contact_id, max(attempt), call_id, max(end_at) as last from attempt where task_id = ?"
            " group by contact_id having last <= ?",
            [task.task_id, world.campaigns.now(task)],
        ):
            if (key := f"{task.task_id}:{row['contact_id']}:{row['call_id']}") not in self._told:
                self._told.add(key)
                yield {"event": "CANDIDATE_CHANGED", "taskId": task.task_id, "lastCallId": row["call_id"]}
        status = world.views.status(task)
        if self._statuses.get(task.task_id, status) != status:
            yield {"event": "AUTOCALL_STATUS_CHANGED", "taskId": task.task_id, "status": status}
        self._statuses[task.task_id] = status

    async def _deliver(self, http: aiohttp.ClientSession) -> None:
        now = asyncio.get_running_loop().time()
        due = [letter for letter in self._waiting if letter.due <= now]
        for first in range(0, len(due), AT_ONCE):
            group = due[first : first + AT_ONCE]
            ends = await asyncio.gather(*(self._send(http, letter) for letter in group))
            for letter, done in zip(group, ends, strict=True):
                if done:
                    self._waiting.remove(letter)

    async def _send(self, http: aiohttp.ClientSession, letter: _Letter) -> bool:
        """Whether the letter is done with: TWIN repeats what was not answered by 200; what is no true event is not."""
        letter.tries += 1
        try:
            async with http.post(letter.url, data=letter.body, headers={"content-type": "application/json"}) as answer:
                status = str(answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            status = type(error).__name__
        self.answers[f"{letter.kind} {status}"] += 1
        letter.due = asyncio.get_running_loop().time() + min(LONGEST, AGAIN * 2.0**letter.tries)
        return status == "200" or letter.kind != "true"


def _hooks(body: Mapping[str, Any]) -> list[tuple[str, frozenset[str]]]:
    """Addresses with the events that each gets; of both families."""
    found = [(body["webhookUrl"], ALWAYS)] if body.get("webhookUrl") else []
    for hook in body.get("webhookUrls") or ():
        if isinstance(hook, str):
            found.append((hook, ALWAYS))
        else:
            found.append((hook["url"], frozenset(n for n, each in hook.get("events", {}).items() if each["value"])))
    return found


def _ended(call: Renderer, world: World) -> dict[str, Any]:
    row, contact = call.row, call.contact
    return {
        "event": "CALL_ENDED",
        "type": "OUTGOING",
        "id": row["call_id"],
        "taskId": row["task_id"],
        "botId": world.settings.twin.bot_id,
        "status": row["shown"],
        "callFrom": "74950000000",
        "callTo": row["phone"],
        "startedAt": iso(row["dial_at"]),
        "finishedAt": iso(row["end_at"]),
        "variables": json.loads(contact["variables"]),
        "result": dict(call.results) if call.results else [],
        "flow": [{"messages": call.messages}] if call.messages else [],
        "callbackData": json.loads(contact["callback"]) if contact["callback"] else [],
    }
