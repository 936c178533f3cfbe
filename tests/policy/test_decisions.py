"""Whom the shipped policy lets a campaign call, and when: every line of decisions.txt is one case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from launching import forced
from plan_lists import SECRET, TwoTries, bad, campaign, frames, row
from policies import SHIPPED

from obzvon.campaigns.spec import CampaignSpec, Purpose
from obzvon.ledger.keys import intent_id, person_key, phone_key, plan_id
from obzvon.policy.model import Cap, Policy, load_policy
from obzvon.stages.plan import plan
from obzvon.warehouse.db import connect

pytestmark = pytest.mark.stack
COLUMNS = (
    "what", "purpose", "day", "now", "zones", "dials", "consent", "person", "history", "stops", "options", "second",
    "decision", "decision_of_second",
)  # fmt: skip
PERSON, OTHER_PHONE = person_key(SECRET, "crm", "c1"), row(2)["phone_key"]


class Tries(TwoTries):
    """A dialer that rings as often as the case says."""

    tries: int = 1

    @property
    def max_attempts(self) -> int:
        return self.tries


@dataclass(frozen=True)
class Case:
    """One line of the table, as it is written there."""

    line: int
    what: str
    purpose: str
    day: str
    now: str
    zones: str
    dials: str
    consent: str
    person: str
    history: str
    stops: str
    options: str
    second: str
    decision: str
    decision_of_second: str

    @property
    def call_date(self) -> date:
        return date.fromisoformat(self.day)

    @property
    def planned_at(self) -> datetime:
        if self.now:
            return datetime.fromisoformat(self.now).replace(tzinfo=UTC)
        return datetime.combine(self.call_date - timedelta(days=2), datetime.min.time(), UTC) + timedelta(hours=12)

    def has(self, option: str) -> bool:
        return option in self.options.split()


def cases() -> Iterator[Case]:
    for number, line in enumerate(Path(__file__).with_name("decisions.txt").read_text("utf-8").splitlines(), start=1):
        if line and not line.startswith(("#", "what ")):
            cells = [cell.strip() for cell in line.split("|")]
            yield Case(number, *cells, *[""] * (len(COLUMNS) - len(cells)))


def policy_of(case: Case) -> Policy:
    shipped = load_policy(SHIPPED)
    purpose = Purpose(case.purpose)
    kind = "rolling" if case.has("rolling") else "calendar"
    cap = shipped.purposes[purpose].cap
    assert isinstance(cap, Cap)
    cap = cap.model_copy(update={"week_kind": kind, "count": "answered" if case.has("answered") else "attempts"})
    rules = shipped.purposes[purpose].model_copy(update={"cap": cap})
    changes = {"purposes": {**shipped.purposes, purpose: rules}, "one_campaign_a_day": not case.has("caps")}
    return shipped.model_copy(update=changes)


def campaign_of(case: Case) -> CampaignSpec:
    columns = {"phone": "phone", "contact_id": "id", "consent_date": "agreed", "consent_ref": "proof"}
    return campaign(
        purpose=case.purpose,
        legal_approval_ref=None if case.has("no_word") else "letter 7",
        caller_ids=["74950000001"],
        when_late="next_day" if case.has("next_day") else "refuse",
        vendor=Tries(tries=int(case.dials or 1)),
        contacts={"source": {"type": "csv", "path": "list.csv"}, "columns": columns, "max_reject_share": 1},
    )


def contacts_of(case: Case) -> list[dict[str, Any]]:
    """The person of the case, a second row where there is one, and a bystander whom everybody may call."""
    zones = [60 * int(zone) for zone in case.zones.split()]
    first = row(1, tz_offsets=zones, person_key=PERSON if case.person else None, **agreed(case.consent))
    rows = [bad(1, "short_number") if case.has("bad") else first]
    if case.second:
        zone, whose = case.second.split()
        number = 1 if whose == "same" else 2
        person = {"same": first["person_key"], "person": PERSON, "other": person_key(SECRET, "crm", "c2")}[whose]
        rows.append(row(number, tz_offsets=[60 * int(zone)], person_key=person))
    return [*rows, row(99, tz_offsets=[120])]


def agreed(consent: str) -> dict[str, Any]:
    """The consent columns of the row."""
    match consent.split():
        case ["list", day]:
            return {"consent_date": date.fromisoformat(day)}
        case ["date", day]:
            return {"consent_date": date.fromisoformat(day), "consent_ref": None}
        case ["ref"]:
            return {"consent_date": None}
        case ["none"] | ["register", *_]:
            return {"consent_date": None, "consent_ref": None}
        case _:
            return {}


def remember(conn: psycopg.Connection, case: Case) -> None:
    """What happened before: consents in the register, opt-outs, other campaigns."""
    if case.consent.startswith("register"):
        _, purpose, start, *end = case.consent.split()
        conn.execute(
            "insert into ops.consent (phone_key, purpose, given_on, valid_to, proof_ref, source)"
            " values (%s, %s, %s, %s, 'form', 'crm')",
            (row(1)["phone_key"], purpose, start, end[0] if end else None),
        )
    if case.stops:
        who, purpose, *period = case.stops.split()
        start, end = (*period, None, None)[:2]
        conn.execute(
            "insert into ops.suppression (phone_key, person_key, purpose, reason, source, valid_from, valid_to)"
            " values (%s, %s, %s, 'asked', 'crm', %s, %s)",
            (
                row(1)["phone_key"] if who == "phone" else phone_key(SECRET, "+79990000000"),
                PERSON if who == "person" else None, purpose,
                *(f"{moment} 12:00+00" if moment else None for moment in (start or "2026-01-01", end)),
            ),
        )  # fmt: skip
    for number, entry in enumerate(filter(None, map(str.strip, case.history.split(";")))):
        campaign_before(conn, case, number, entry.split())


def campaign_before(conn: psycopg.Connection, case: Case, number: int, words: list[str]) -> None:
    """Another campaign with a reservation for the phone, or for the person's other phone."""
    dials, what, purpose, days, *rest = words
    of_person = "person" in rest
    state = next((word for word in rest if word != "person"), "final")
    name, day = f"other_{number}", case.call_date + timedelta(days=int(days))
    plan_key, key = plan_id(name, day), intent_id(name, day, "+03:00", 1)
    conn.execute(
        "insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, plan_hash,"
        " contacts_total, contacts_to_call) values (%s, %s, %s, 'twin', %s, '{}', repeat('0', 64), 1, 1)",
        (plan_key, name, day, purpose),
    )
    opens = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=7)
    forced(
        conn,
        "insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets,"
        " chunk_no, batch_no, state, contacts_planned, window_start_utc, window_end_utc, local_from, local_to)"
        " values (%s, %s, %s, %s, 'twin', '+03:00', '{180}', 1, 0, %s, 1, %s, %s, '10:00', '12:00')",
        (key, plan_key, name, day, state, opens, opens + timedelta(hours=2)),
    )
    held, made = {"held": (dials, 0), "made": (0, dials), "answered": (0, dials), "over": (1, dials)}[what]
    conn.execute(
        "insert into ops.attempt_reservation (phone_key, intent_id, local_date, person_key, campaign_id, purpose,"
        " max_attempts, held, attempts, answered) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            OTHER_PHONE if of_person else row(1)["phone_key"], key, day, PERSON if case.person else None, name, purpose,
            dials, held, made, dials if what == "answered" else 0,
        ),
    )  # fmt: skip


def decisions(conn: psycopg.Connection) -> list[str]:
    """The decision about each row as the table writes it."""
    return [
        f"{code} {reason}" if code else f"call {start:%d %H:%M}–{end:%d %H:%M}"
        for code, reason, start, end in conn.execute(
            "select c.exclusion_code, c.exclusion_reason, i.window_start_utc at time zone 'UTC',"
            " i.window_end_utc at time zone 'UTC' from ops.plan_contact c left join ops.campaign_intent i"
            " using (intent_id) join ops.campaign_plan p on p.plan_id = c.plan_id"
            " where p.campaign_id = 'autumn' order by c.row_no"
        )
    ]


@pytest.fixture(scope="module")
def shared(postgres: Any, warehouse_template: str) -> Iterator[psycopg.Connection]:
    """One warehouse for the whole table: each case takes back what it did."""
    postgres.create_database("decisions", template=warehouse_template)
    with connect(postgres.url("decisions")) as conn:
        yield conn
    postgres.drop_database("decisions")


TABLE = list(cases())


def test_the_table_covers_every_zone_and_every_code() -> None:
    assert len(TABLE) >= 120
    assert {zone for case in TABLE for zone in case.zones.split()} == {f"+{hours}" for hours in range(2, 13)}
    codes = {case.decision.split()[0] for case in TABLE} | {case.decision_of_second.split(" ")[0] for case in TABLE}
    excluded = {"EXCL_INVALID", "EXCL_NO_CONSENT", "EXCL_DNC", "EXCL_DUPLICATE", "EXCL_CAP", "EXCL_WINDOW"}
    assert codes == excluded | {"call", ""}


@pytest.mark.parametrize("case", TABLE, ids=lambda case: f"{case.line}: {case.what}, {case.purpose}")
def test_whom_a_campaign_may_call(shared: psycopg.Connection, case: Case) -> None:
    with shared.transaction(force_rollback=True):
        remember(shared, case)
        plan(
            shared, campaign_of(case), policy_of(case), case.call_date,
            now=case.planned_at, chunks=frames(contacts_of(case)),
        )  # fmt: skip
        expected = [case.decision, *filter(None, [case.decision_of_second])]
        found = decisions(shared)
        assert found[:-1] == expected
        assert found[-1].startswith("call ")
