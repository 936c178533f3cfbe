"""The canary: the results of the first contacts decide whether anybody else of the plan is called.

Shares against the limits of the campaign as it was planned (`canary`); what is not known for certain proves nothing.
The verdict is kept in `ops.canary_verdict`, and every launch of the others asks for it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from obzvon.campaigns.spec import CampaignSpec, Canary
from obzvon.errors import CanaryNotPassed, LedgerError
from obzvon.ledger.intents import Intent
from obzvon.ledger.keys import CANARY_BATCH
from obzvon.telemetry.spans import staged

__all__ = ["Figure", "Verdict", "check_canary", "judge"]

log = logging.getLogger(__name__)
DOC = 'docs/operations.md, "The canary said no"'
#: What each figure counts, of what.
SAYS = {
    "optout": "opt-outs of conversations",
    "invalid": "invalid numbers of contacts handed over",
    "network": "failed or blocked connections of dials",
    "refused": "contacts that the vendor did not take of those planned",
    "silent": "contacts of those taken of whom nothing is known: not dialled, not reported or not understood",
}

_INTENTS = """
select zone, chunk_no, state, note from ops.campaign_intent
where plan_id = %(plan)s and batch_no = %(canary)s order by zone, chunk_no
"""
_COUNTS = """
with i as (select intent_id from ops.campaign_intent where plan_id = %(plan)s and batch_no = %(canary)s),
contacts as (
    select count(*) as planned, count(sent_state) as handed, count(*) filter (where sent_state = 'accepted') as taken
    from ops.plan_contact join i using (intent_id)
), calls as (
    select count(*) filter (where o.disposition_group = 'HUMAN')                          as conversations,
           count(*) filter (where f.disposition_code = 'RPC_OPTOUT')                      as optout,
           count(distinct f.contact_key)
               filter (where f.disposition_code in ('EXCL_INVALID', 'INVALID_NUMBER'))    as invalid,
           count(*) filter (where o.disposition_group not in ('NOT_DIALED', 'PENDING'))   as dials,
           count(*) filter (where f.disposition_code in ('NETWORK_ERROR', 'CARRIER_BLOCK')) as network,
           count(distinct f.contact_key)
               filter (where o.disposition_group in ('NOT_CONNECTED', 'MACHINE', 'HUMAN'))    as reported
    from dwh.fact_call_attempt f join i using (intent_id) join dwh.dim_disposition o using (disposition_code)
)
select * from contacts, calls
"""
# A verdict under which others were called already stays as it was.
_STORE = """
insert into ops.canary_verdict as v (plan_id, passed, figures, dag_run_id)
values (%(plan)s, %(passed)s, %(figures)s, %(run)s)
on conflict (plan_id) do update
set passed = excluded.passed, figures = excluded.figures, judged_at = now(), dag_run_id = excluded.dag_run_id
where not exists (select from ops.campaign_intent i
                  where i.plan_id = v.plan_id and i.batch_no <> %(canary)s and i.submitted_at is not null)
"""
_STORED = """
select p.campaign_id, p.call_date, v.passed, v.figures
from ops.campaign_plan p join ops.canary_verdict v using (plan_id) where p.plan_id = %s
"""
_CHECK = """
select p.campaign_id, p.call_date, v.passed, v.figures
from ops.campaign_plan p left join ops.canary_verdict v using (plan_id)
where p.plan_id = %(plan)s
  and exists (select from ops.campaign_intent i where i.plan_id = %(plan)s and i.batch_no = %(canary)s)
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One share of the results with the most that is allowed. `share` and `limit` are 0 … 1."""

    name: str
    count: int
    of: int
    share: float
    limit: float
    holds: bool

    @classmethod
    def up_to(cls, name: str, count: int, of: int, limit: float) -> Self:
        """Holds while the share is not above the limit; of nothing the share is 0."""
        share = count / of if of else 0.0
        return cls(name, count, of, round(share, 4), limit, share <= limit)

    def __str__(self) -> str:
        says = SAYS.get(self.name, self.name)
        return f"{says}: {self.count} of {self.of} ({self.share:.1%}, at most {self.limit:.1%})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the first contacts' results say. `not_proven`: what is not known yet, with what to do about it."""

    campaign_id: str
    call_date: str
    figures: tuple[Figure, ...] = ()
    not_proven: str | None = None

    @property
    def passed(self) -> bool:
        return self.not_proven is None and all(figure.holds for figure in self.figures)

    @property
    def sentence(self) -> str:
        """Why nobody else is called, or that the others may be."""
        name = f"canary of {self.campaign_id} {self.call_date}"
        if self.passed:
            return f"{name}: passed; {'; '.join(map(str, self.figures)) or 'the plan has none'}"
        if self.not_proven:
            return f"{name}: not proven, nobody else is called: {self.not_proven}"
        broken = "; ".join(str(figure) for figure in self.figures if not figure.holds)
        return f"{name}: did not pass, nobody else is called: {broken}. See {DOC}"

    @property
    def stored(self) -> dict[str, Any]:
        """The form in `ops.canary_verdict.figures`."""
        return {"figures": [asdict(figure) for figure in self.figures], "not_proven": self.not_proven}

    @classmethod
    def read(cls, campaign_id: str, call_date: object, stored: Mapping[str, Any]) -> Self:
        """What was stored."""
        figures = tuple(Figure(**figure) for figure in stored["figures"])
        return cls(campaign_id, str(call_date), figures, stored["not_proven"])


@staged("canary", lambda conn, plan_id, run_id: {"plan": plan_id})
def judge(conn: psycopg.Connection, plan_id: str, run_id: str) -> Verdict:
    """Compare the canary's results with the limits, store the verdict, commit. A plan without a canary passes.

    Judging again replaces the verdict, unless others of the plan were sent under it: then that one is returned.
    LedgerError: there is no such plan, or its campaign file has no `canary`.
    """
    key = {"plan": plan_id, "canary": CANARY_BATCH}
    conn.commit()
    with conn.transaction(), conn.cursor(row_factory=dict_row) as cur:
        plan = cur.execute(
            "select campaign_id, call_date, spec from ops.campaign_plan where plan_id = %s for update", [plan_id]
        ).fetchone()
        if plan is None:
            raise LedgerError(f"plan {plan_id[:12]} is not in the ledger; run the plan stage of its campaign first")
        who = (plan["campaign_id"], str(plan["call_date"]))
        intents = cur.execute(_INTENTS, key).fetchall()
        if not intents:
            return Verdict(*who)
        counts = cur.execute(_COUNTS, key).fetchone() or {}
        verdict = Verdict(*who, _figures(_limits(plan["spec"], who[0]), counts), _unproven(intents))
        cur.execute(_STORE, key | {"passed": verdict.passed, "figures": Jsonb(verdict.stored), "run": run_id})
        row = cur.execute(_STORED, [plan_id]).fetchone() or {}
    return Verdict.read(row["campaign_id"], row["call_date"], row["figures"])


async def check_canary(conn: psycopg.AsyncConnection, intent: Intent) -> None:
    """Raise CanaryNotPassed unless this intent may be sent: it is the canary's, or its plan's canary has passed.

    A plan that has no canary lets everybody go.
    """
    if intent.batch_no == CANARY_BATCH:
        return
    cur = await conn.execute(_CHECK, {"plan": intent.plan_id, "canary": CANARY_BATCH})
    row = await cur.fetchone()
    if row is None or row[2]:
        return
    if row[3] is None:
        raise CanaryNotPassed(
            f"{intent.title}: the canary of its plan has no verdict yet, so nobody else is called: clear the task"
            " `canary.judge` when the canary's calls are collected"
        )
    raise CanaryNotPassed(f"{intent.title}: {Verdict.read(row[0], row[1], row[3]).sentence}")


def _limits(spec: Mapping[str, Any], campaign: str) -> Canary:
    limits = CampaignSpec.model_validate(spec).canary
    if limits is None:
        raise LedgerError(f"{campaign}: its plan has a canary, but the campaign file that was planned has no `canary`")
    return limits


def _figures(limits: Canary, counts: Mapping[str, int]) -> tuple[Figure, ...]:
    c, up_to = counts, Figure.up_to
    return (
        up_to("optout", c["optout"], c["conversations"], limits.max_optout_share),
        up_to("invalid", c["invalid"], c["handed"], limits.max_invalid_share),
        up_to("network", c["network"], c["dials"], limits.max_network_share),
        up_to("refused", c["planned"] - c["taken"], c["planned"], limits.max_refused_share),
        Figure.up_to("silent", max(c["taken"] - c["reported"], 0), c["taken"], limits.max_silent_share),
    )


def _unproven(intents: list[dict[str, Any]]) -> str | None:
    """What is not over, or was never called; None: there are results to judge."""
    for intent in intents:
        where = f"{intent['zone']} #{intent['chunk_no']} is {intent['state']}"
        cause = f" ({intent['note']})" if intent["note"] else ""
        if intent["state"] == "in_doubt":
            return f"{where}{cause}; settle the doubt (tasks `doubts`, `doubt.settle`), then clear `canary.judge`"
        if intent["state"] == "cancelled":
            return f"{where}{cause}; its people were not called: plan another call date"
        if intent["state"] not in ("final", "final_partial"):
            return f"{where}{cause}; clear `canary.launch` and the tasks after it, so that it is called and collected"
    return None
