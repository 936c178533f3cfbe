"""How long analysts wait: the ten questions of docs/analysts.md over five million attempts, and a refresh after a load.

    python -m bench marts --rows 200000

Facts are written by set-based SQL (300 days of ten campaigns, as loading would leave them), all marts refreshed, each
question asked as a member of `obzvon_analyst`. Then ten thousand more attempts come in, and the marts hear of them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from bench.environment import ROOT
from bench.frame import Bench, Kind, Options, Sample, Way, run_child
from bench.server import running

from obzvon.stages.marts import refresh
from obzvon.warehouse.db import connect
from obzvon.warehouse.partitions import ensure_months

__all__ = ["BENCH", "questions"]

PAGE = ROOT / "docs" / "analysts.md"
QUESTION = re.compile(r"^### (\d+)\. (.+?)\n.*?```sql\n(.+?)```", re.MULTILINE | re.DOTALL)
ANSWER_SECONDS, REFRESH_SECONDS = 1.0, 5.0
CAMPAIGNS, DAYS, LOAD = 10, 300, 10_000
LAST = date(2026, 11, 30)

_DIMENSIONS = """
insert into dwh.dim_campaign (campaign_id, name, purpose, goal_definition, max_attempts, valid_from, is_current)
select 'campaign_' || n, 'Кампания ' || n, 'service', 'goal', 3, '2025-01-01Z', true
from generate_series(1, %(campaigns)s::int) n;
insert into dwh.dim_script (vendor_code, vendor_script_id, version, name)
select 'twin', 'script_' || n, 'unversioned', 'Сценарий' from generate_series(1, 2 * %(campaigns)s::int) n;
insert into dwh.dim_contact (contact_id, phone_key, region_key, tz_offset_min, tz_source, valid_from, is_current)
select 'c' || n, encode(sha256(n::text::bytea), 'hex'), 1 + n %% 80, 180, 'region', '2025-01-01Z', true
from generate_series(1, %(people)s::int) n;
"""
_PLANS = """
insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, plan_hash, contacts_total,
                               contacts_to_call, planned_at)
select encode(sha256((k || '|' || d)::bytea), 'hex'), 'campaign_' || k, day, 'twin', 'service',
       jsonb_build_object('title', 'Кампания ' || k, 'caller_ids', jsonb_build_array('7495000000' || k %% 10)),
       repeat('0', 64), %(contacts)s::int, %(contacts)s::int, day - interval '10 hours'
from generate_series(1, %(campaigns)s::int) k, generate_series(%(first)s::int, %(last)s::int) d,
     lateral (select %(newest)s::date - d as day) x;
insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets, chunk_no,
    batch_no, contacts_planned, window_start_utc, window_end_utc, local_from, local_to, state)
select encode(sha256((p.plan_id || n)::bytea), 'hex'), p.plan_id, p.campaign_id, p.call_date, 'twin', '+03:00', '{180}',
       n, 0, %(contacts)s::int / 2, p.call_date + interval '7 hours', p.call_date + interval '17 hours', '10:00',
       '20:00', 'final'
from ops.campaign_plan p, generate_series(0, 1) n
where not exists (select from ops.campaign_intent i where i.plan_id = p.plan_id);
"""
# one plan at a time: a contact of the list, its dials by its own number, the outcome by a hash
_FACTS = """
with plan as (
    select p.plan_id, p.call_date, k.campaign_key, k.campaign_key * 2 - (p.call_date < '2026-06-01')::int as script_key
    from ops.campaign_plan p join dwh.dim_campaign k using (campaign_id) where p.plan_id = %(plan)s
),
contact as (
    insert into dwh.fact_campaign_contact (plan_id, row_no, intent_id, contact_key, campaign_key, script_key, call_date,
                                           loaded_at, exclusion_code, exclusion_reason)
    select plan_id, n, case when n %% 20 > 0 then encode(sha256((plan_id || n %% 2)::bytea), 'hex') end,
           1 + (n * 37 + abs(hashtext(plan_id))::bigint) %% %(people)s::int, campaign_key, script_key, call_date, now(),
           case when n %% 20 = 0 then 'EXCL_DNC' end, case when n %% 20 = 0 then 'suppressed' end
    from plan, generate_series(1, %(contacts)s::int) n
    returning row_no, intent_id, contact_key
),
dial as (
    select c.*, t as attempt_no, p.call_date, abs(hashtext(p.plan_id || c.row_no || t)) as h, p.plan_id
    from contact c, plan p, generate_series(1, 1 + (c.row_no %% 3)) t
    where c.intent_id is not null
),
attempt as (
    insert into dwh.fact_call_attempt (vendor_code, vendor_call_id, call_month, intent_id, contact_key, attempt_no,
        started_at, local_started_at, date_key, local_hour, disposition_code, vendor_status_raw, talk_sec, cost_rub,
        marking_fee_rub, has_record, row_hash, source_updated_at, loaded_at, batch_id)
    select 'twin', left(plan_id, 12) || '-' || row_no || '-' || attempt_no, date_trunc('month', call_date), intent_id,
           contact_key, attempt_no,
           call_date + make_interval(hours => 7 + h %% 9, mins => h %% 60),
           call_date + make_interval(hours => 10 + h %% 9, mins => h %% 60),
           to_char(call_date, 'YYYYMMDD')::int, 10 + h %% 9, code, 'X', case when human then 20 + h %% 60 end,
           case when human then 3.2 else 0 end, 0.25, human, repeat('0', 64), now(), now(), 'b'
    from dial, lateral (select (array['GOAL', 'RPC_REFUSED', 'RPC_CALLBACK', 'RPC_OPTOUT', 'VOICEMAIL', 'NO_ANSWER',
             'NO_ANSWER', 'BUSY', 'UNAVAILABLE', 'NETWORK_ERROR', 'NO_ANSWER', 'VOICEMAIL', 'HUMAN_SHORT', 'GOAL'])
             [1 + h / 100 %% 14] as code) c,
         lateral (select code in ('GOAL', 'RPC_REFUSED', 'RPC_CALLBACK', 'RPC_OPTOUT', 'HUMAN_SHORT') as human) s
    returning vendor_code, vendor_call_id, call_month, intent_id, has_record, attempt_no, disposition_code
),
goal as (
    insert into dwh.fact_dialog_goal
    select vendor_code, vendor_call_id, call_month, 'goal', 'true', true from attempt where disposition_code = 'GOAL'
),
archived as (
    insert into ops.raw_archive (intent_id, batch_id, kind, page_no, path, sha256, bytes, request, fetched_at,
                                 loaded_at, rows, control_count)
    select intent_id, 'b', 'calls', 1, intent_id, repeat('0', 64), 1, '{}', now(), now(), count(*), count(*)
    from attempt group by intent_id
)
insert into ops.qa_delivery (call_uid, vendor_code, vendor_call_id, intent_id, payload_hash, state)
select vendor_code || ':' || vendor_call_id, vendor_code, vendor_call_id, intent_id, repeat('0', 64), 'VERIFIED'
from attempt where has_record
"""
_REVIEWS = """
insert into dwh.fact_qa_review (review_id, vendor_code, vendor_call_id, call_month, form_name, score, max_score,
                                reviewed_at)
select vendor_call_id, vendor_code, vendor_call_id, call_month, 'Форма', hashtext(vendor_call_id) & 7, 7, now()
from ops.qa_delivery join ops.known_call using (vendor_code, vendor_call_id) where hashtext(vendor_call_id) % 20 = 0
"""
_COMPLAINTS = """
insert into ops.suppression (phone_key, reason, source, valid_from)
select phone_key, 'жалоба', 'regulator', '2026-11-29 12:00Z' from dwh.dim_contact where contact_key % 1000 = 0
"""


def questions(page: Path = PAGE) -> list[tuple[str, str]]:
    """The questions of the page with their SQL, in order."""
    return [(f"{number}. {title}", sql) for number, title, sql in QUESTION.findall(page.read_text(encoding="utf-8"))]


def waited(dsn: str, attempts: int) -> dict[str, Any]:
    """Fill, refresh and ask; *seconds* is the refresh after a load."""
    # two dials a contact on average, one row in twenty excluded
    contacts = max(20, round(attempts / (CAMPAIGNS * DAYS) / 1.9))
    people = max(10_000, attempts // 10)  # more than the last load has: a contact stands once in a list
    figures: dict[str, float] = {}
    with connect(dsn) as conn:
        figures["facts written s"] = took(lambda: fill(conn, contacts, people))
        conn.autocommit = True
        conn.execute("vacuum analyze")
        figures["all marts refreshed s"] = took(lambda: refresh(conn, full=True))
        conn.execute("vacuum analyze")
        (count,), *_ = conn.execute("select sum(attempts) from mart.attempt_daily").fetchall()
        figures["attempts"] = float(count)
        answers = ask(conn, dsn)
        conn.autocommit = False
        plan(conn, max(1, round(LOAD / 1.9)), people, -1)
        seconds = took(lambda: refresh(conn))
    figures |= {"slowest question s": max(answers.values()), **answers}
    return {"seconds": seconds, "figures": figures, "peak_mib": None}


def fill(conn: psycopg.Connection, contacts: int, people: int) -> None:
    """Dimensions and all plans but the last; without the checks of foreign keys and the triggers, which take hours."""
    ensure_months(conn, [LAST - timedelta(days=n) for n in range(-1, DAYS)])
    conn.execute("set session_replication_role = replica")
    values = {"campaigns": CAMPAIGNS, "people": people, "contacts": contacts, "first": 0, "last": DAYS - 1,
              "newest": LAST}  # fmt: skip
    for statements in (_DIMENSIONS, _PLANS):
        for statement in filter(str.strip, statements.split(";\n")):
            conn.execute(statement.encode(), values)
    for (plan_id,) in conn.execute("select plan_id from ops.campaign_plan").fetchall():
        conn.execute(_FACTS.encode(), {"plan": plan_id, "people": people, "contacts": contacts})
    conn.execute(_REVIEWS.encode())
    conn.execute(_COMPLAINTS.encode())
    conn.execute("set session_replication_role = origin")
    conn.commit()


def plan(conn: psycopg.Connection, contacts: int, people: int, day: int) -> None:
    """One more plan of the first campaign, with the triggers that loading has."""
    values = {"campaigns": 1, "people": people, "contacts": contacts, "first": day, "last": day, "newest": LAST}
    conn.execute("set session_replication_role = replica")
    for statement in filter(str.strip, _PLANS.split(";\n")):
        conn.execute(statement.encode(), values)
    conn.execute("set session_replication_role = origin")
    newest = "select plan_id from ops.campaign_plan order by call_date desc limit 1"
    ((plan_id,),) = conn.execute(newest).fetchall()
    conn.execute(_FACTS.encode(), {"plan": plan_id, "people": people, "contacts": contacts})
    conn.commit()


def ask(conn: psycopg.Connection, dsn: str) -> dict[str, float]:
    """Ask every question three times as an analyst; the longest answer of each, in seconds."""
    conn.execute("create role bench_analyst login in role obzvon_analyst")
    where = urlsplit(dsn)
    own = urlunsplit(where._replace(netloc=where.netloc.replace(str(where.username), "bench_analyst")))
    with connect(own) as analyst:
        return {
            f"question {number} s": max(_answer_seconds(analyst, sql) for _ in range(3))
            for number, (_, sql) in enumerate(questions(), 1)
        }


def _answer_seconds(analyst: psycopg.Connection, sql: str) -> float:
    return took(lambda: analyst.execute(sql.encode()).fetchall())


def took(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


@dataclass
class MartsScene:
    """A server of its own for every measurement: the analyst's role is of the server."""

    folder: Path
    attempts: int
    durable: bool
    postgres: str | None = None
    measured: int = 0

    def measure(self, way: Way) -> dict[str, Sample]:
        self.measured += 1
        with running(self.folder / str(self.measured), durable=self.durable) as database:
            self.postgres = database.version
            dsn = database.template("marts")
            return {f"a refresh after {LOAD:,} more": run_child(way, {"dsn": dsn, "attempts": self.attempts})}


@contextmanager
def scene(options: Options, folder: Path) -> Iterator[MartsScene]:
    """Nothing to prepare: writing the facts is part of what is told."""
    yield MartsScene(folder, options.size, durable=False)


BENCH = Bench(
    name="marts",
    title="Marts: refresh and questions",
    size=5_000_000,
    tiny=6_000,
    unit="attempts",
    ways=(Way("ours", Kind.OURS, "bench.marts:waited"),),
    scene=scene,
    reach=f"a refresh after {LOAD:,} more ≤ {REFRESH_SECONDS:.0f} s; ten questions < {ANSWER_SECONDS:.0f} s each",
    growth=(),
    notes=(
        f"300 days of ten campaigns, then a plan of {LOAD:,} more attempts. *Seconds* is the incremental refresh "
        "after it. Each question of docs/analysts.md is asked three times as a member of `obzvon_analyst`; the slowest "
        "answer counts.",
        "The database server does not wait for the disk here: facts are written by set-based SQL, as loading leaves "
        "them, in minutes instead of hours.",
    ),
)
