"""Plans of a campaign with a list of a few people, what was called before, and its forecast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import psycopg
from launching import SPEC, forced
from policies import relaxed

from obzvon.campaigns.spec import CampaignSpec
from obzvon.ledger.keys import phone_key
from obzvon.policy.model import Policy, Price
from obzvon.stages.plan import PlanSummary, plan
from obzvon.warehouse.partitions import ensure_months

DAY = date(2031, 5, 20)
NOW = datetime(2031, 5, 19, 12, tzinfo=UTC)
SECRET = b"a secret of the tests"


def campaign(**changes: Any) -> CampaignSpec:
    """A campaign that may dial a person twice, whatever the size of its list; `changes` replace top-level keys."""
    given = {
        "vendor": {**SPEC["vendor"], "attempts": 2},
        "contacts": {**SPEC["contacts"], "max_change_share": None},
        "limits": {"chunk_size": 3},
    }
    return CampaignSpec.model_validate({**SPEC, **given, **changes})


def asking(**changes: Any) -> CampaignSpec:
    """The campaign, with a person asked about every plan."""
    return campaign(approval={"when": "always", "timeout_hours": 2}, **changes)


def rules(**changes: Any) -> Policy:
    """A policy of round prices: 1 ₽ an attempt, 6 ₽ a minute, 0.50 ₽ of marking."""
    price = Price(attempt_rub=Decimal(1), minute_rub=Decimal(6))
    given = {"prices": {"dialog": price, "twin": price}, "marking_fee_rub": Decimal("0.50")}
    return relaxed().model_copy(update=given | changes)


def person(number: int, **changes: Any) -> dict[str, Any]:
    """A row of the list, in the Moscow zone."""
    phone = f"+7916{number:07d}"
    return {
        "contact_id": f"c{number}", "phone_raw": phone, "phone_e164": phone, "phone_key": phone_key(SECRET, phone),
        "full_name": f"Person {number}", "region": None, "segment": None, "tz_offsets": [180], "tz_source": "declared",
        "person_key": None, "consent_date": None, "consent_ref": None, "exclusion_reason": None,
        "variables": f'{{"sum": {number}.5, "name": "Person {number}"}}', **changes,
    }  # fmt: skip


def no_phone(number: int, reason: str) -> dict[str, Any]:
    """A row that nobody can call."""
    empty = dict.fromkeys(("phone_e164", "phone_key", "tz_offsets", "tz_source"))
    return person(number, exclusion_reason=reason, **empty)


def frames(rows: Sequence[dict[str, Any]]) -> Iterator[pd.DataFrame]:
    """The list in chunks of four."""
    numbered = [{"row_no": number, **cells} for number, cells in enumerate(rows, start=1)]
    for start in range(0, len(numbered), 4):
        yield pd.DataFrame(numbered[start : start + 4])


def planned(
    conn: psycopg.Connection,
    people: Sequence[dict[str, Any]] | int = 7,
    *,
    spec: CampaignSpec | None = None,
    policy: Policy | None = None,
    day: date = DAY,
    now: datetime | None = None,
) -> PlanSummary:
    """A stored plan with its forecast; `people`: rows, or how many."""
    rows = [person(number) for number in range(1, people + 1)] if isinstance(people, int) else people
    spec, policy = spec or campaign(), policy or rules()
    moment = now or datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(days=1)
    summary = plan(conn, spec, policy, day, now=moment, chunks=frames(rows), dag_run_id="run-1")
    conn.commit()
    return summary


_CONTACTS = """
insert into dwh.dim_contact (contact_id, phone_key, tz_source, valid_from, is_current)
select contact_id, phone_key, 'declared', %(at)s, true from ops.plan_contact c
where plan_id = %(plan)s and intent_id is not null
  and not exists (select from dwh.dim_contact k where (k.contact_id, k.phone_key) = (c.contact_id, c.phone_key))
"""
_DAY = "insert into dwh.dim_date values (%s, %s, %s, false, false, 'test') on conflict do nothing"
_FACTS = """
insert into dwh.fact_call_attempt (vendor_code, vendor_call_id, call_month, intent_id, contact_key, attempt_no,
    started_at, local_started_at, date_key, local_hour, disposition_code, vendor_status_raw, talk_sec, row_hash,
    source_updated_at, loaded_at, batch_id)
select 'dialog', %(day)s || '-' || c.plan_id || c.row_no || '-' || n, %(month)s, c.intent_id, k.contact_key, n,
    %(at)s, %(at)s, %(key)s, 12, %(disposition)s, 'x', %(talk)s, repeat('0', 64), %(at)s, %(at)s, 'b'
from ops.plan_contact c join dwh.dim_contact k using (contact_id, phone_key)
cross join generate_series(1, %(dials)s) n where c.plan_id = %(plan)s and c.intent_id is not null
"""


def called(
    conn: psycopg.Connection,
    summary: PlanSummary,
    day: date,
    *,
    dials: int,
    talk: int,
    at: datetime | None = None,
    disposition: str = "GOAL",
) -> None:
    """The plan is over: everybody was dialled `dials` times, `talk` seconds each, at `at` (13:00 in Moscow)."""
    at = at or datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
    key = int(f"{day:%Y%m%d}")
    values = {"plan": summary.plan_id, "day": str(day), "at": at, "key": key, "dials": dials, "talk": talk}
    conn.execute(_DAY, (key, day, day.isoweekday()))
    conn.execute(_CONTACTS, values)
    ensure_months(conn, [day])
    conn.execute(_FACTS, values | {"disposition": disposition, "month": day.replace(day=1)})
    forced(conn, "update ops.campaign_intent set state = 'final' where plan_id = %s", (summary.plan_id,))
    conn.commit()
