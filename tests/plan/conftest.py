"""The shipped windows without caps and consent, and a planner over a fresh warehouse."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from plan_lists import EVE, FRIDAY, Planner, campaign, frames
from policies import relaxed

from obzvon.policy.model import Policy
from obzvon.stages.plan import PlanSummary, plan


@pytest.fixture(scope="session")
def policy() -> Policy:
    return relaxed()


@pytest.fixture
def planned(conn: psycopg.Connection, policy: Policy) -> Planner:
    """Plan rows for a Friday on its eve; every part can be given differently."""

    def run(rows: list[dict[str, Any]], **given: Any) -> PlanSummary:
        spec = given.get("spec") or campaign()
        now, day = given.get("now", EVE), given.get("call_date", FRIDAY)
        rules = given.get("policy", policy)
        return plan(conn, spec, rules, day, now=now, chunks=frames(rows), dag_run_id=given.get("dag_run_id", "run-1"))

    return run
