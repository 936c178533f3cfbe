"""Staged rows become facts: matched, judged, compared with what is stored, and written where they are newer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.errors import UniqueViolation

from obzvon.campaigns.spec import CampaignSpec
from obzvon.dispositions import Disposition
from obzvon.ledger.policies import opt_out_purpose
from obzvon.reports.outcomes import by_results, goal_reached
from obzvon.vendors.base import EVENTS
from obzvon.warehouse.load import statement
from obzvon.warehouse.partitions import ensure_months
from obzvon.warehouse.seeds import ensure_days

__all__ = ["merge"]

GROUP = 5_000
#: How often what is staged is compared with the facts: once more for each load that comes between.
TRIES = 5

_MISSING_DAYS = """
select distinct local_started_at::date from decided
where not exists (select from dwh.dim_date where day = local_started_at::date)
"""
_WANTED = "select action, count(*) from decided group by 1"
_COUNTS = """
select action, contact_key is null, disposition_code = 'UNKNOWN', count(*) from decided group by 1, 2, 3
"""
_ORPHANS = """
select count(*) from (
    select vendor_call_id from staged_result where is_part union select vendor_call_id from staged_turn where is_part
    except select vendor_call_id from matched) o
"""


#: Attempts of each action, by the statement that writes them.
ATTEMPTS = {"insert": "attempts_new", "update": "attempts_changed"}
#: Statements that write the rest of what was decided, in their order; then those that bring the whole intent up to its
#: facts, the one that counts against the caps last.
WRITTEN = ("goals_new", "goals", "turns_new", "turns", "suppressions")
#: What a newer answer took back.
GONE = ("goals_gone", "turns_gone")
FOLLOWING = ("attempt_numbers", "snapshot", "dials")


def merge(
    conn: psycopg.Connection,
    spec: CampaignSpec,
    *,
    vendor: str,
    plan_id: str,
    intent_id: str,
    batch_id: str,
    call_month: date,
    fetched_at: datetime,
    is_late: bool,
    loaded_at: datetime,
    recount: bool,
    parts: int,
    is_event: bool = False,
) -> Counter[str]:
    """Write what is staged; counts of calls by insert, update, unchanged, older, unmatched, unknown, orphans.

    `orphans` are calls of which only a part came; `parts` is how many parts are staged. `recount` brings what counts
    against the caps up to the facts: a replay does not, whose facts are still being rebuilt. New calls are stored
    under `call_month`, known ones where they are. `is_event`: what is staged was told by events, and stands only until
    a report says it. Runs inside the caller's transaction.
    """
    values = {
        "vendor": vendor, "plan_id": plan_id, "intent_id": intent_id, "batch_id": batch_id, "call_month": call_month,
        "fetched_at": fetched_at, "is_late": is_late, "loaded_at": loaded_at,
        "marking_fee": spec.limits.marking_fee_rub or Decimal(0), "goal_field": spec.goal.field,
        "opt_out": opt_out_purpose(conn, plan_id), "is_event": is_event, "events": EVENTS,
    }  # fmt: skip
    # only what the planner asks for: values of the other columns cost more to count than they save
    conn.execute("analyze staged_attempt (vendor_call_id, external_id, phone_key)")
    conn.execute("analyze staged_result (vendor_call_id, name, is_part), staged_turn (vendor_call_id, is_part)")
    for tries_left in reversed(range(TRIES)):
        try:
            with conn.transaction():
                _write(conn, spec, values, parts)
            break
        except UniqueViolation:
            if not tries_left:
                raise
    _follow(conn, values, FOLLOWING if recount else FOLLOWING[:-1])
    counts = _counts(conn)
    if parts:
        counts["orphans"] = conn.execute(_ORPHANS).fetchall()[0][0]
    return counts


def _write(conn: psycopg.Connection, spec: CampaignSpec, values: dict[str, Any], parts: int) -> None:
    """Facts of what is staged, all of them or none.

    Raises UniqueViolation when the load of another intent has written one of the calls since they were compared with
    what is stored: then goals and transcripts would be those of another answer than the attempt.
    """
    conn.execute("set local work_mem = '64MB'; set local jit = off")
    conn.execute(statement("matched"), values)
    conn.execute("analyze matched (vendor_call_id, call_month, contact_key, disposition_code)")
    values["months"] = months = [month for (month,) in conn.execute("select distinct call_month from matched")]
    ensure_months(conn, months)
    conn.execute(statement("pruned"))
    if parts:
        conn.execute(statement("pruned_parts"))
        _judge(conn, spec)
    conn.execute(statement("decided"), values)
    conn.execute("analyze decided (vendor_call_id, call_month, action, contact_key, phone_key, suppress_purpose)")
    ensure_days(conn, [day for (day,) in conn.execute(_MISSING_DAYS)])
    wanted: dict[str, int] = dict(conn.execute(_WANTED).fetchall())
    for action, name in ATTEMPTS.items():
        # not where there is nothing to write: a plan for the stored rows is as good as what is known of them
        if action in wanted and conn.execute(statement(name), values).rowcount != wanted[action]:
            raise UniqueViolation("another load has written some of these calls meanwhile; load the batch again")
    for name in (*(GONE if "update" in wanted else ()), *WRITTEN):
        conn.execute(statement(name), values)


def _follow(conn: psycopg.Connection, values: Mapping[str, Any], names: Sequence[str]) -> None:
    """Bring the whole intent up to its facts."""
    # the rows of this transaction are unknown to the statistics, and a nested loop over all contacts would be chosen
    conn.execute("set local enable_nestloop = off")
    for name in names:
        conn.execute(statement(name), values)
    conn.execute("set local enable_nestloop = on")


def _judge(conn: psycopg.Connection, spec: CampaignSpec) -> None:
    """Judge again the conversations whose results came on another page than the call itself."""
    with conn.cursor(name="to_judge") as waiting:
        waiting.execute(statement("to_judge"))
        while group := waiting.fetchmany(GROUP):
            with conn.cursor() as cursor, cursor.copy("copy judged from stdin") as copy:
                for call, code, results in group:
                    copy.write_row((call, *_outcome(spec, Disposition(code), results)))
    conn.execute("analyze judged")


def _outcome(spec: CampaignSpec, stated: Disposition, results: dict[str, Any]) -> tuple[str, bool]:
    said = {name: value for name, value in results.items() if value is not None}
    outcome = by_results(spec, said) or stated
    return outcome.value, goal_reached(spec, said, outcome)


def _counts(conn: psycopg.Connection) -> Counter[str]:
    counts: Counter[str] = Counter()
    for action, unmatched, unknown, calls in conn.execute(_COUNTS):
        counts[action] += calls
        counts["unmatched"] += calls * unmatched
        counts["unknown"] += calls * unknown
    return counts
