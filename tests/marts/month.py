"""A month of three campaigns whose truth is known: drawn and dialled by the sandbox's own code, written down here.

`drawn(size)` gives the lists, every dial with what it came to, and the vendors' reports as the vendors write them. What
a dial means (`_meaning`) is said anew by the model, not asked of the pipeline. The same size gives the same month.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from obzvon.campaigns.spec import CampaignSpec
from obzvon.ledger.keys import external_id, intent_id, plan_id
from obzvon.sandbox import dialing, fates

ROOT = Path(__file__).resolve().parents[2]
#: Attempts in the month, about. OBZVON_TRUTH_ATTEMPTS=200000 plays a big one.
SIZE = int(os.environ.get("OBZVON_TRUTH_ATTEMPTS", "20000"))
SEED = 20261101
FIRST = date(2026, 11, 1)
DAYS = tuple(FIRST + timedelta(days=n) for n in range(30))
FEE = "0.25"
MOSCOW = 180
YEKATERINBURG = ZoneInfo("Asia/Yekaterinburg")
#: Where people live: region, offset in minutes; several offsets are no certain zone.
PLACES: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("Москва", (180,)), ("Калининградская область", (120,)), ("Самарская область", (240,)),
    ("Свердловская область", (300,)), ("Новосибирская область", (420,)), ("Приморский край", (600,)),
    ("Республика Саха (Якутия)", (540, 600)),
)  # fmt: skip
EXCLUDED = (("EXCL_DNC", "suppressed"), ("EXCL_CAP", "cap_day"), ("EXCL_DUPLICATE", "duplicate_phone"))
#: Dialog's words for what the sandbox draws; «Неверный номер» means a number that does not exist here.
DIALOG_WORDS = {
    "human": "Разговор", "machine": "Автоответчик", "NOANSWER": "Нет ответа", "BUSY": "Занято",
    "UNAVAILABLE": "Абонент недоступен", "CONGESTION": "Ошибка сети", "CHANUNAVAIL": "Ошибка соединения",
    "FAILED": "Ошибка соединения", "EXPIRED": "Превышено время набора", "EMPTY_AON": "Нет исходящего номера",
    "INVALID": "Неверный номер", "BLACKLIST": "Чёрный список", "FZ230": "Запрет", "ODD": "Космос",
}  # fmt: skip
DIALOG_RESULTS = {
    "agreed": "Согласие", "refused": "Отказ", "callback": "Перезвонить", "opt_out": "Не звонить",
    "wrong_party": "Не тот человек",
}  # fmt: skip
SAID = {
    "agreed": "GOAL", "refused": "RPC_REFUSED", "callback": "RPC_CALLBACK", "opt_out": "RPC_OPTOUT",
    "wrong_party": "WRONG_PARTY",
}  # fmt: skip
CALLERS = ("74950000011", "74950000012")
#: On these days carriers block the second number in one region.
BLOCKED = ("Свердловская область", CALLERS[1], {DAYS[11], DAYS[12]})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the lists."""

    number: int
    phone: str
    region: str
    offsets: tuple[int, ...]

    @property
    def offset(self) -> int:
        return self.offsets[0] if len(self.offsets) == 1 else MOSCOW

    @property
    def caller(self) -> str:
        return CALLERS[self.number // len(PLACES) % 2]


@dataclass(slots=True)
class Plan:
    """One campaign on one date: its list, its dials as the truth has them, and its reports."""

    spec: CampaignSpec
    day: date
    state: str
    script: str
    version: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    dials: list[dict[str, Any]] = field(default_factory=list)
    reports: list[list[dict[str, Any]]] = field(default_factory=list)

    @property
    def after(self) -> timedelta:
        """How long after the first plan of its day it was made: no two plans are made at one moment."""
        return timedelta(minutes=("clinic", "shop", "autumn").index(self.spec.name))

    @property
    def plan_id(self) -> str:
        return plan_id(self.spec.name, self.day)

    @property
    def intent_id(self) -> str:
        return intent_id(self.spec.name, self.day, "+03:00", 1)

    @property
    def vendor(self) -> str:
        return self.spec.vendor.type


def drawn(size: int = SIZE) -> list[Plan]:
    """The month's plans, oldest first."""
    plans = [_plan(name, day, state) for day in DAYS for name, state in _calls_on(day)]
    contacts = max(20, round(size / len(plans) / 1.3))
    people = [_person(n) for n in range(contacts * 4)]
    for number, plan in enumerate(plans):
        _fill(plan, number, people, contacts)
    return plans


def chance(*about: object) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    return int.from_bytes(hashlib.blake2b(repr((SEED, *about)).encode(), digest_size=7).digest()) / 256**7


def _calls_on(day: date) -> Iterator[tuple[str, str]]:
    last = day == DAYS[-1]
    yield "clinic", "running" if last else "final"
    if day.isoweekday() <= 5:
        yield "shop", "final_partial" if day == DAYS[19] else "final"
    if day.isoweekday() == 3:
        yield "autumn", "final"


def _person(number: int) -> Person:
    region, offsets = PLACES[number % len(PLACES)]
    return Person(number, f"+7916{number:07d}", region, offsets)


@cache
def _spec(name: str, version: int) -> CampaignSpec:
    demo = {"clinic": "demo_twin", "autumn": "demo_twin", "shop": "demo_dialog"}[name]
    said = yaml.safe_load((ROOT / "include" / "campaigns" / f"{demo}.yaml").read_text(encoding="utf-8"))
    said |= {"name": name, "title": name.capitalize(), "limits": {"marking_fee_rub": FEE}}
    if demo == "demo_twin":
        said["vendor"]["bot_id"] = f"44e62ac6-6c08-4ad1-923d-5ee3299dd73{version}"
        said["vendor"]["redial"]["candidate_limit"] = _most(name, version)
    else:
        said["caller_ids"] = list(CALLERS)
        said["vendor"]["attempts"] = _most(name, version)
        said["vendor"]["report"]["fields"] |= {"caller_id": "caller", "cost": "price", "transferred": "moved"}
        said["vendor"]["report"]["statuses"]["Неверный номер"] = "INVALID_NUMBER"
    return CampaignSpec.model_validate(said)


def _most(name: str, version: int) -> int:
    """Dials to one contact at most."""
    return {"clinic": version + 1, "autumn": 2, "shop": 2}[name]


def _plan(name: str, day: date, state: str) -> Plan:
    # the clinic changes its script and its number of attempts in the middle of the month
    version = 2 if name == "clinic" and day >= DAYS[15] else 1
    spec = _spec(name, version)
    return Plan(spec, day, state, spec.vendor.script_id, version)


def _fill(plan: Plan, number: int, people: list[Person], contacts: int) -> None:
    listed = [people[(number * 997 + n * 3) % len(people)] for n in range(contacts)]
    for row_no, person in enumerate(listed, 1):
        point = chance("row", number, row_no)
        code, reason = EXCLUDED[row_no % 3] if point < 0.05 else (None, None)
        refused = code is None and point > 0.99
        plan.rows.append({
            "row_no": row_no, "person": person, "exclusion_code": code, "exclusion_reason": reason, "refused": refused,
        })  # fmt: skip
    called = [row for row in plan.rows if row["exclusion_code"] is None and not row["refused"]]
    plan.dials = [*_dialled(plan, called), *_strangers(plan, number)]
    _number(plan)
    _report(plan, late=number % 9 == 4)


def _dialled(plan: Plan, called: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the sandbox's dialling makes of the list, judged by the model."""
    opens = datetime(plan.day.year, plan.day.month, plan.day.day, tzinfo=UTC).timestamp()
    by_phone = {row["person"].phone: row for row in called}
    most = _most(plan.spec.name, plan.version)
    again = {"BUSY": dialing.Recall(most, 900), "NO_ANSWER": dialing.Recall(most, 3600)}
    if plan.vendor == "dialog":
        again["CONGESTION"] = dialing.Recall(most, 1200)
    rules = dialing.Rules(
        pace=max(1, len(called)) / 20000, day_from=10 * 3600, day_to=19 * 3600, zone="Europe/Moscow",
        subscriber_zone=True, recalls=again, max_calls=most, cancels_rest=plan.vendor == "twin",
        records=True, transfers=True,
    )  # fmt: skip
    queue = [
        dialing.Person(plan.intent_id, row["row_no"], external_id(plan.plan_id, row["row_no"]), (row["person"].phone,),
                       60 * row["person"].offset if len(row["person"].offsets) == 1 else None, opens)
        for row in called
    ]  # fmt: skip

    def draw(phone: str, attempt: int) -> fates.Fate:
        fate = fates.draw(SEED, plan.spec.name, phone, attempt + 10 * plan.day.day)
        region, caller, days = BLOCKED
        person: Person = by_phone[phone]["person"]
        if plan.vendor == "dialog" and plan.day in days and (person.region, person.caller) == (region, caller):
            return fates.Fate("CONGESTION", ring=2.0)
        return fate

    made = dialing.plan(queue, rules, draw, opens, opens + 17 * 3600)
    return [_dial(plan, dial, by_phone[dial.phone]) for dial in made]


def _dial(plan: Plan, dial: dialing.Attempt, row: Mapping[str, Any]) -> dict[str, Any]:
    odd = dial.status == "NOANSWER" and chance("odd", dial.call_id) < 0.01
    hung_up = dial.status == "ANSWERED" and dial.responder == "human" and dial.result is None
    # Dialog has no row of what was never dialled but a start for each row it has
    started = dial.dial_at if dial.dialed or plan.vendor == "dialog" else dial.queued_at
    told = {
        "call_id": dial.call_id, "row_no": row["row_no"], "person": row["person"],
        "started": datetime.fromtimestamp(started, UTC), "queued": datetime.fromtimestamp(dial.queued_at, UTC),
        "ended": datetime.fromtimestamp(dial.end_at, UTC), "dialed": bool(dial.dialed),
        "status": "ODD" if odd else dial.status, "responder": dial.responder, "result": dial.result,
        "moved": bool(dial.transferred) or (hung_up and chance("moved", dial.call_id) < 0.1),
        "ring": dial.ring, "talk": dial.talk, "price": dial.price, "record": dial.record_at is not None,
        "caller": row["person"].caller if plan.vendor == "dialog" else plan.spec.caller_ids[0],
    }  # fmt: skip
    return told | {"code": _meaning(plan, told), "late": False}


def _strangers(plan: Plan, number: int) -> Iterator[dict[str, Any]]:
    """A call to nobody in the list, on some days: somebody used the vendor's page by hand."""
    if number % 5:
        return
    at = datetime(plan.day.year, plan.day.month, plan.day.day, 9, tzinfo=UTC)
    person = Person(-1, "+79990000000", "", (MOSCOW,))
    told = {
        "call_id": f"stranger-{number}", "row_no": None, "person": person, "started": at, "queued": at,
        "ended": at + timedelta(seconds=30), "dialed": True, "status": "NOANSWER", "responder": None, "result": None,
        "moved": False, "ring": 30.0, "talk": 0.0, "price": 1.5, "record": False,
        "caller": CALLERS[0] if plan.vendor == "dialog" else plan.spec.caller_ids[0],
    }  # fmt: skip
    yield told | {"code": _meaning(plan, told), "late": False}


def _meaning(plan: Plan, dial: Mapping[str, Any]) -> str:
    """The unified outcome by §3.3: TWIN's table, and Dialog's words as the campaign file maps them."""
    status = dial["status"]
    if status == "ANSWERED":
        if dial["responder"] == "machine":
            return "VOICEMAIL"
        if dial["result"]:
            return SAID[dial["result"]]
        if dial["moved"]:
            return "TRANSFERRED"
        return "HUMAN_SHORT" if dial["talk"] <= 5 else "RPC_NO_RESULT"
    network = dict.fromkeys(("CONGESTION", "CHANUNAVAIL", "FAILED", "EXPIRED", "EMPTY_AON"), "NETWORK_ERROR")
    same = {"NOANSWER": "NO_ANSWER", "BUSY": "BUSY", "UNAVAILABLE": "UNAVAILABLE", "BLACKLIST": "VENDOR_BLACKLIST"}
    if plan.vendor == "twin":
        own = {"INVALID": "EXCL_INVALID", "CANCEL": "CANCELLED", "FZ230": "VENDOR_LAW_BLOCK"}
    else:
        own = {"INVALID": "INVALID_NUMBER"}  # «Запрет» is a word that nobody has mapped
    return (network | same | own).get(status, "UNKNOWN")


def _number(plan: Plan) -> None:
    """Attempts of one contact are numbered by their start."""
    seen: dict[int, int] = {}
    for dial in sorted(plan.dials, key=lambda d: (d["started"], d["call_id"])):
        row = dial["row_no"]
        if row is not None:
            seen[row] = seen.get(row, 0) + 1
        dial["attempt_no"] = seen.get(row) if row is not None else None


def _report(plan: Plan, *, late: bool) -> None:
    """The report as it was pulled, and where `late` again the next day: recordings and some calls came afterwards."""
    first: list[dict[str, Any]] = []
    for dial in plan.dials:
        point = chance("late", dial["call_id"]) if late else 1.0
        if point < 0.02:
            dial["late"] = True  # not in the first report at all
        elif point < 0.2 and dial["record"]:
            dial["late"] = True
            first.append(_row(plan, dial | {"record": False}, corrected=False))
        else:
            first.append(_row(plan, dial, corrected=False))
    broken = [{"id": ""}] if plan.vendor == "twin" else [{"call_id": "x", "phone_number": None}]
    plan.reports = [[*first, *broken]]
    if late:
        plan.reports.append([_row(plan, dial, corrected=dial["late"]) for dial in plan.dials])


def _row(plan: Plan, dial: Mapping[str, Any], *, corrected: bool) -> dict[str, Any]:
    changed = dial["ended"] + timedelta(hours=20 if corrected else 0)
    record = f"https://records.example.org/{dial['call_id']}.mp3" if dial["record"] else None
    if plan.vendor == "twin":
        answered = dial["status"] == "ANSWERED"
        return {
            "id": dial["call_id"], "phone": dial["person"].phone.lstrip("+"), "duration": int(dial["talk"]),
            "status": dial["status"], "responder": dial["responder"], "transferredToOperator": dial["moved"],
            "createdAt": dial["queued"].isoformat(), "updatedAt": changed.isoformat(),
            "startedAt": dial["started"].isoformat() if dial["dialed"] else None, "price": dial["price"],
            "recordPath": record,
            "externalId": None if dial["row_no"] is None else external_id(plan.plan_id, dial["row_no"]),
            "dialogResults": {"confirmation": dial["result"]} if answered and dial["result"] else None,
        }  # fmt: skip
    word = DIALOG_WORDS[dial["responder"] if dial["status"] == "ANSWERED" else dial["status"]]
    return {
        "call_id": dial["call_id"], "phone_number": dial["person"].phone,
        "call_start": dial["started"].astimezone(YEKATERINBURG).isoformat(), "ring": dial["ring"],
        "duration": dial["talk"], "status": word, "result": DIALOG_RESULTS.get(dial["result"] or ""),
        "goal": dial["result"] == "agreed", "dialog": [], "record_url": record,
        "updated_at": changed.astimezone(YEKATERINBURG).isoformat(), "caller": dial["caller"], "price": dial["price"],
        "moved": dial["moved"],
    }  # fmt: skip
