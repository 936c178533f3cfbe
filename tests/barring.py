"""A plan whose contacts may not be called any more by the time they are sent: opt-outs, other campaigns, caps."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import psycopg
from launching import CALL_DATE, NOW, PLAN, forced, plan_of
from policies import relaxed
from psycopg.types.json import Jsonb

from obzvon.campaigns.spec import Purpose
from obzvon.ledger.keys import intent_id, phone_key, plan_id
from obzvon.policy.model import Cap, Policy

PERSON = "a" * 64


def phone(number: int) -> str:
    return phone_key(b"secret", f"+7916{number:07d}")


def planned(conn: psycopg.Connection, contacts: int, intents: int = 1) -> list[str]:
    """The plan of these tests, made at NOW."""
    keys = plan_of(conn, contacts, intents)
    conn.execute("update ops.campaign_plan set planned_at = %s", (NOW,))
    conn.commit()
    return keys


def one_person(conn: psycopg.Connection, *rows: int) -> None:
    """These rows of the list are one person."""
    phones = [phone(number) for number in rows]
    for table in ("plan_contact", "attempt_reservation"):
        query = f"update ops.{table} set person_key = %s where phone_key = any(%s)"
        conn.execute(query.encode(), (PERSON, phones))
    conn.commit()


def suppress(conn: psycopg.Connection, number: int, person: str | None = None, **given: object) -> None:
    """Somebody asked not to be called after the plan was made."""
    values = {"purpose": "*", "valid_from": NOW, "valid_to": None, "phone": phone(number), "person": person, **given}
    conn.execute(
        "insert into ops.suppression (phone_key, person_key, purpose, reason, source, valid_from, valid_to)"
        " values (%(phone)s, %(person)s, %(purpose)s, 'asked', 'crm', %(valid_from)s, %(valid_to)s)",
        values,
    )
    conn.commit()


def elsewhere(
    conn: psycopg.Connection,
    number: int,
    *,
    day: date = CALL_DATE,
    held: int = 0,
    attempts: int = 0,
    answered: int = 0,
    purpose: str = "survey",
    planned_at: datetime = NOW - timedelta(hours=1),
    state: str = "final",
    sent: datetime | None = NOW,
    person: str | None = None,
) -> str:
    """Another campaign has the phone; its intent."""
    name = f"other_{number}_{day}_{purpose}"
    plan, key = plan_id(name, day), intent_id(name, day, "+03:00", 1)
    conn.execute(
        "insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, plan_hash,"
        " contacts_total, contacts_to_call, planned_at)"
        " values (%s, %s, %s, 'twin', %s, '{}', repeat('0', 64), 1, 1, %s)",
        (plan, name, day, purpose, planned_at),
    )
    opens = datetime.combine(day, time(7), UTC)
    forced(
        conn,
        "insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets,"
        " chunk_no, batch_no, state, contacts_planned, window_start_utc, window_end_utc, local_from, local_to,"
        " submitted_at) values (%s, %s, %s, %s, 'twin', '+03:00', '{180}', 1, 0, %s, 1, %s, %s, '10:00', '20:00', %s)",
        (key, plan, name, day, state, opens, opens + timedelta(hours=10), sent),
    )
    conn.execute(
        "insert into ops.attempt_reservation (phone_key, intent_id, local_date, person_key, campaign_id, purpose,"
        " max_attempts, held, attempts, answered) values (%s, %s, %s, %s, %s, %s, 1, %s, %s, %s)",
        (phone(number), key, day, person, name, purpose, held, attempts, answered),
    )
    conn.commit()
    return key


def once_a_day() -> Policy:
    """One survey call a day to a phone."""
    policy = relaxed()
    rules = policy.purposes[Purpose.SURVEY].model_copy(update={"cap": Cap(day=1, week=9, month=9)})
    return policy.model_copy(update={"purposes": {**policy.purposes, Purpose.SURVEY: rules}})


def made_under(conn: psycopg.Connection, policy: Policy) -> None:
    """The plan was made under this policy."""
    conn.execute(
        "insert into ops.policy (policy_hash, version, policy) values (%s, %s, %s)",
        (policy.policy_hash, policy.version, Jsonb(policy.canonical())),
    )
    conn.execute("update ops.campaign_plan set policy_hash = %s where plan_id = %s", (policy.policy_hash, PLAN))
    conn.commit()
