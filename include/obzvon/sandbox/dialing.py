"""Turns a campaign's contacts and rules into dial attempts on its virtual clock. Pure: no clock, no database."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from obzvon.sandbox.fates import NOT_DIALED, Fate

DAY = 86400.0
FOREVER = 253_000_000_000.0
#: Price of a started minute of talk, roubles. The sandbox's own number.
MINUTE_PRICE = 3.2

#: Which recall rule of the documents a status falls under.
RECALL_CLASS = {
    "BUSY": "BUSY",
    "NOANSWER": "NO_ANSWER",
    "UNAVAILABLE": "NO_ANSWER",
    "CONGESTION": "CONGESTION",
    "CHANUNAVAIL": "CONGESTION",
    "FAILED": "CONGESTION",
    "EXPIRED": "CONGESTION",
}


@dataclass(frozen=True, slots=True)
class Recall:
    """Dial again after such an outcome: at most `tries` times, `interval` seconds after the end of the call."""

    tries: int
    interval: float


@dataclass(frozen=True, slots=True)
class Rules:
    """A campaign's rules in the words of neither vendor. `until` is a virtual moment, the rest seconds."""

    pace: float
    day_from: float = 0.0
    day_to: float = DAY - 1
    zone: str = "UTC"
    subscriber_zone: bool = False
    until: float | None = None
    lifetime: float | None = None
    max_calls: int | None = None
    recalls: Mapping[str, Recall] = field(default_factory=dict)
    unsuccessful_up_to: float = 0.0
    amd: bool = True
    never: tuple[str, ...] = ()  # statuses this vendor does not give under this task's settings
    records: bool = True
    transfers: bool = True
    cancels_rest: bool = True  # who was not dialled by the end gets a CANCEL row (TWIN) or no row at all (Dialog)

    def stored(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Self:
        recalls = {name: Recall(**rule) for name, rule in saved["recalls"].items()}
        return cls(**{**saved, "recalls": recalls, "never": tuple(saved["never"])})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One dial, planned or done. Columns of table `attempt`; moments are virtual seconds since 1970."""

    call_id: str
    task_id: str
    contact_id: int
    external_id: str | None
    phone: str
    attempt: int
    dialed: int
    queued_at: float
    dial_at: float
    answer_at: float | None
    end_at: float
    record_at: float | None
    ring: float
    talk: float
    status: str
    responder: str | None
    result: str | None
    transferred: int
    price: float


@dataclass(frozen=True, slots=True)
class Person:
    """One contact of a campaign, with the attempts that already happened."""

    task_id: str
    contact_id: int
    external_id: str | None
    phones: tuple[str, ...]
    offset_sec: int | None
    queued_at: float
    cancelled: bool = False
    history: tuple[Attempt, ...] = ()

    @property
    def next_phone(self) -> str:
        return self.phones[len(self.history) % len(self.phones)]


Drawer = Callable[[str, int], Fate]


def plan(people: Iterable[Person], rules: Rules, draw: Drawer, start: float, until: float | None) -> list[Attempt]:
    """Every attempt still to come, from `start`: pace, windows, recalls. Contacts go in the order given.

    All moments are whole seconds, as the vendors' answers show them.
    """
    made: list[Attempt] = []
    start = float(math.ceil(start))
    order = itertools.count()
    queue = [(start, next(order), person) for person in people]
    queue = [(max(at, _due(person, rules) or at), n, person) for at, n, person in queue if _unfinished(person, rules)]
    heapq.heapify(queue)
    slot = start
    while queue:
        ready, _, person = heapq.heappop(queue)
        at = max(ready, slot)
        opens = next_open(at, rules, person.offset_sec)
        if until is not None and max(at, opens) >= until:
            made.extend(_left_over(person, rules, until))
        elif opens > at:
            heapq.heappush(queue, (opens, next(order), person))
        else:
            done = _dial(person, rules, draw, math.floor(at))
            made.append(done)
            slot = slot if not done.dialed else at + 1 / rules.pace
            person = replace(person, history=(*person.history, done))
            due = _due(person, rules)
            if due is not None:
                heapq.heappush(queue, (due, next(order), person))
    return made


def next_open(at: float, rules: Rules, offset_sec: int | None) -> float:
    """The first moment from `at` at which the person may be called."""
    offset = offset_sec if rules.subscriber_zone and offset_sec is not None else _offset(rules.zone, at)
    midnight = math.floor((at + offset) / DAY) * DAY - offset
    if at < midnight + rules.day_from:
        return midnight + rules.day_from
    return at if at <= midnight + rules.day_to else midnight + DAY + rules.day_from


def _offset(zone: str, at: float) -> float:
    moment = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
    return (moment.utcoffset() or UTC.utcoffset(None)).total_seconds()


def _unfinished(person: Person, rules: Rules) -> bool:
    return not person.history or _due(person, rules) is not None


def _due(person: Person, rules: Rules) -> float | None:
    """When the contact is to be dialled again; None when the campaign is done with him."""
    if not person.history:
        return None
    last, made = person.history[-1], len(person.history)
    kind = recall_class(last, rules)
    rule = rules.recalls.get(kind) if kind else None
    if rule is None or person.cancelled or (rules.max_calls is not None and made >= rules.max_calls):
        return None
    same = sum(1 for past in person.history if recall_class(past, rules) == kind)
    return last.end_at + rule.interval if same <= rule.tries else None


def recall_class(attempt: Attempt, rules: Rules) -> str | None:
    """The recall rule an attempt falls under, None when none can."""
    if attempt.status != "ANSWERED":
        return RECALL_CLASS.get(attempt.status)
    if attempt.responder == "machine" and rules.amd:
        return "MACHINE"
    return "NOT_SUCCESSFUL" if attempt.talk <= rules.unsuccessful_up_to else None


def _dial(person: Person, rules: Rules, draw: Drawer, at: float) -> Attempt:
    number = len(person.history) + 1
    fate = Fate("CANCEL") if person.cancelled else draw(person.next_phone, number)
    if fate.status in rules.never:
        fate = Fate("NOANSWER", ring=30.0)
    answer_at = at + fate.ring if fate.answered else None
    end_at = at + fate.ring + fate.talk
    responder = ("machine" if fate.machine else "human") if fate.answered else None
    return Attempt(
        **_identity(person, number),
        dialed=int(fate.status not in NOT_DIALED),
        dial_at=at,
        answer_at=answer_at,
        end_at=end_at,
        record_at=end_at + fate.record_delay if fate.answered and rules.records else None,
        ring=fate.ring,
        talk=fate.talk,
        status=fate.status,
        responder=responder,
        result=fate.result,
        transferred=int(fate.transferred and rules.transfers),
        price=round(math.ceil(fate.talk / 60) * MINUTE_PRICE, 2),
    )


def _left_over(person: Person, rules: Rules, until: float) -> list[Attempt]:
    if not rules.cancels_rest:
        return []
    return [never(_identity(person, len(person.history) + 1), until)]


def never(identity: Mapping[str, Any], at: float) -> Attempt:
    """The row of an attempt that was taken back at `at` and never dialled."""
    return Attempt(
        **identity, dialed=0, dial_at=at, answer_at=None, end_at=at, record_at=None, ring=0.0, talk=0.0,
        status="CANCEL", responder=None, result=None, transferred=0, price=0.0,
    )  # fmt: skip


def _identity(person: Person, number: int) -> dict[str, Any]:
    return {
        "call_id": _call_id(f"{person.task_id}/{person.contact_id}/{number}"),
        "task_id": person.task_id,
        "contact_id": person.contact_id,
        "external_id": person.external_id,
        "phone": person.next_phone,
        "attempt": number,
        "queued_at": person.history[-1].end_at if person.history else person.queued_at,
    }


def _call_id(about: str) -> str:
    """Looks like a UUID; the same call keeps it however often the future is planned anew."""
    digest = hashlib.blake2b(about.encode(), digest_size=16).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"
