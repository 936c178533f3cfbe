"""The policy that a plan was made under: what was allowed then is what its launch and its results go by."""

from __future__ import annotations

import psycopg

from obzvon.campaigns.spec import Purpose
from obzvon.policy.caps import CapRule
from obzvon.policy.model import Policy

__all__ = ["caps_of", "opt_out_purpose"]

_STORED = "select p.policy from ops.campaign_plan c join ops.policy p using (policy_hash) where c.plan_id = %s"
_OPT_OUT = """
select p.policy #>> array['purposes', c.purpose, 'opt_out'], c.purpose
from ops.campaign_plan c left join ops.policy p using (policy_hash) where c.plan_id = %s
"""


async def caps_of(conn: psycopg.AsyncConnection, plan_id: str, purpose: Purpose) -> CapRule:
    """The caps of a purpose in the plan's policy; a plan older than stored policies has none."""
    row = await (await conn.execute(_STORED, (plan_id,))).fetchone()
    if row is None:
        return CapRule(purpose.value)
    return CapRule.of(Policy.model_validate(row[0]), purpose)


def opt_out_purpose(conn: psycopg.Connection, plan_id: str) -> str:
    """For which purpose somebody who asks not to be called is suppressed: `*`, or the plan's own."""
    row = conn.execute(_OPT_OUT, (plan_id,)).fetchone()
    return row[1] if row is not None and row[0] == "purpose" else "*"
