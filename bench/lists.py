"""Contact lists as they come, the campaigns that call them, and a warehouse that has called people before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import psycopg
import yaml
from bench.campaign import SECRET, number_of
from bench.environment import ROOT

from obzvon.campaigns.spec import CampaignSpec
from obzvon.contacts.prepare import prepared
from obzvon.contacts.sources.connections import Connections
from obzvon.ledger.keys import phone_key
from obzvon.policy.model import load_policy
from obzvon.stages.plan import PlanSummary, plan

__all__ = ["CALL_DATE", "CHUNK", "NOW", "history", "listed", "planned", "write_list"]

CALL_DATE = date(2026, 11, 20)
NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
CHUNK = 20_000
FIRST_DAY, DAYS = CALL_DATE - timedelta(days=290), 290
POLICY = ROOT / "include" / "policy" / "policy.yaml"
#: Which numbers of which row of the list: the same phone as the row before, or no phone at all.
TWICE, BROKEN = 50, 100

_PAST_PLANS = """
insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, plan_hash, contacts_total,
                               contacts_to_call)
select lpad(k::text, 64, 'p'), 'past', %(first)s::date + k, 'twin', 'service', '{}', repeat('0', 64), 1, 1
from generate_series(0, %(days)s::int - 1) k;
insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets, chunk_no,
    batch_no, state, contacts_planned, window_start_utc, window_end_utc, local_from, local_to)
select lpad(k::text, 64, 'i'), lpad(k::text, 64, 'p'), 'past', %(first)s::date + k, 'twin', '+03:00', '{180}', 1, 0,
       'final', 1, %(first)s::date + k, %(first)s::date + k + interval '2 hours', '10:00', '12:00'
from generate_series(0, %(days)s::int - 1) k;
"""
_PAST = """
insert into ops.attempt_reservation (phone_key, intent_id, local_date, campaign_id, purpose, max_attempts, held,
                                     attempts)
select distinct on (p.key, x.k) p.key, lpad(x.k::text, 64, 'i'), %(first)s::date + x.k, 'past', 'service', 1, 0, 1
from (select 1 + (random() * (%(people)s::int - 1))::int as n, (random() * (%(days)s::int - 1))::int as k
      from generate_series(1, %(dials)s::int)) x join people p using (n)
"""
_SUPPRESSED = """
insert into ops.suppression (phone_key, purpose, reason, source, valid_from, evidence_ref)
select key, '*', 'asked', 'crm', '2026-01-01', n::text from people where n %% 3 = 1 limit %(suppressions)s::int
"""


def listed(vendor: str, contacts: int) -> CampaignSpec:
    """A service campaign over the list that `write_list` writes; its vendor part is the demo's, one dial a contact."""
    demo = yaml.safe_load((ROOT / "include" / "campaigns" / f"demo_{vendor}.yaml").read_text("utf-8"))
    settings: dict[str, Any] = demo["vendor"]
    if vendor == "twin":
        settings["redial"] = {"candidate_limit": 1}
    return CampaignSpec.model_validate(
        {
            "name": "bench_list",
            "title": "Напоминание",
            "owner": "bench",
            "purpose": "service",
            "contacts": {
                "source": {"type": "csv", "path": "list.csv"},
                "columns": {
                    "phone": "Телефон", "contact_id": "Номер", "full_name": "ФИО", "region": "Регион",
                    "consent_date": "Согласие", "consent_ref": "Документ",
                },
                "registry": "bench",
                "max_contacts": max(1_000_000, 2 * contacts),
            },
            "variables": {"name": {"column": "ФИО"}, "sum": {"column": "Сумма", "type": "number"}},
            "caller_ids": ["74950000002"],
            "vendor": settings,
            "goal": {"title": "Согласился", "field": "result", "in": ["yes"]},
            "qolio": {"operator_id": "bot:1"},
            "limits": {"chunk_size": CHUNK, "candidate_batch": 1000, "max_batches": 1},
            "approval": {"when": "never"},
        }
    )  # fmt: skip


def write_list(path: Path, contacts: int) -> None:
    """A CSV as CRMs export them: phones in three spellings, one in fifty twice, one in a hundred without a number."""
    spellings = (lambda n: n, lambda n: f"8 ({n[2:5]}) {n[5:8]}-{n[8:10]}-{n[10:]}", lambda n: f"8{n[2:]}")
    with path.open("w", encoding="utf-8") as out:
        out.write("Телефон;Номер;ФИО;Регион;Согласие;Документ;Сумма\n")
        for row in range(1, contacts + 1):
            number = number_of(row - (row % TWICE == 0))
            phone = "нет" if row % BROKEN == 1 else spellings[row % 3](number)
            out.write(f"{phone};C{row};Иванов Иван {row};г. Москва;15.01.2026;форма {row};{row % 5000}\n")


def history(conn: psycopg.Connection, contacts: int, dials: int, suppressions: int) -> None:
    """Half as many more people than are on the list, their dials of ten months, and who asked not to be called."""
    people = contacts + contacts // 2
    values = {"first": FIRST_DAY, "days": DAYS, "people": people, "dials": dials, "suppressions": suppressions}
    conn.execute("create temp table people (n int primary key, key char(64))")
    with conn.cursor() as cursor, cursor.copy("copy people from stdin") as copy:
        for row in range(1, people + 1):
            copy.write_row((row, phone_key(SECRET, number_of(row))))
    conn.execute("analyze people")
    conn.execute("set session_replication_role = replica")  # the ledger's guard lets no intent begin at its end
    for statement in filter(str.strip, _PAST_PLANS.split(";\n")):
        conn.execute(statement.encode(), values)
    conn.execute("select setseed(0.5)")
    conn.execute(_PAST.encode(), values)
    conn.execute(_SUPPRESSED.encode(), values)
    conn.execute("set session_replication_role = origin")
    conn.execute("drop table people")
    conn.commit()


class _NoConnections:
    """A file needs none."""


def planned(conn: psycopg.Connection, spec: CampaignSpec, folder: Path) -> PlanSummary:
    """The plan of the list, as the plan stage makes it."""
    chunks = prepared(spec, folder, cast(Connections, _NoConnections()), SECRET)
    return plan(conn, spec, load_policy(POLICY), CALL_DATE, now=NOW, chunks=chunks)
