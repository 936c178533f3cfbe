"""Calls that broke a rule fail the audit and switch their campaign off, and no other."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import psycopg
import pytest
from airflow.sdk import Variable
from launching import forced

from obzvon.errors import AuditError, LedgerError
from obzvon.stages.audit import audit, compare
from obzvon.warehouse.partitions import ensure_months
from obzvon_provider.operators.audit import switched_off

SMOKE = (Path(__file__).parents[1] / "warehouse" / "smoke_seed.sql").read_text(encoding="utf-8")
PLAN = "f" * 64


class Variables:
    """The Variables as Airflow keeps them; `fixed`: as the environment sets them, where writing changes nothing."""

    def __init__(self, text: str, *, fixed: bool = False) -> None:
        self.text, self.fixed = text, fixed

    def get(self, key: str, default: object = None) -> object:
        assert key == "obzvon_kill_switch"
        return self.text

    def set(self, key: str, value: str) -> None:
        assert key == "obzvon_kill_switch"
        self.text = self.text if self.fixed else value


def variables(monkeypatch: pytest.MonkeyPatch, kept: Variables) -> Variables:
    monkeypatch.setattr(Variable, "get", kept.get)
    monkeypatch.setattr(Variable, "set", kept.set)
    return kept


@pytest.fixture
def seeded(conn: psycopg.Connection) -> psycopg.Connection:
    ensure_months(conn, [date(2026, 11, 19)])
    forced(conn, SMOKE)
    conn.commit()
    return conn


def test_breaches_of_the_plan_are_counted_by_rule(seeded: psycopg.Connection) -> None:
    report = compare(seeded, PLAN)
    assert report.breached is not None
    assert (report.breached.actual, report.breached.explanation) == (2, "1 AFTER_OPTOUT, 1 OUTSIDE_WINDOW")
    assert report.alarm == (
        "rules of calling were broken by C1 on 2026-11-19: 1 AFTER_OPTOUT, 1 OUTSIDE_WINDOW;"
        " the query `compliance` of docs/reconciliation.md shows the calls"
    )
    stored = "select actual, holds from ops.audit_check where check_name = 'compliance'"
    assert seeded.execute(stored).fetchall() == [(2, False)]
    with pytest.raises(AuditError, match="compliance"):
        audit(seeded, PLAN)


def test_without_a_breach_nothing_is_to_be_stopped(seeded: psycopg.Connection) -> None:
    seeded.execute("delete from dwh.fact_call_attempt where vendor_call_id = 'k8'")
    report = compare(seeded, PLAN)
    assert (report.breached, report.alarm) == (None, "")


@pytest.mark.parametrize(
    ("before", "after"), [("off", "only c1"), ("only a", "only a, c1"), ("on", "on"), ("only c1", "only c1")]
)
def test_the_campaign_is_switched_off_and_nobody_is_let_go(
    monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    kept = variables(monkeypatch, Variables(before))
    assert "obzvon resume c1" in switched_off("c1")
    assert kept.text == after


def test_a_switch_that_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    variables(monkeypatch, Variables("off", fixed=True))
    with pytest.raises(LedgerError, match="switch it off there, now"):
        switched_off("c1")


def test_a_canary_that_did_not_pass_fails_the_audit(seeded: psycopg.Connection) -> None:
    forced(seeded, "update ops.campaign_intent set batch_no = 900")
    assert "canary" in [f.check.name for f in compare(seeded, PLAN).failed]
    seeded.execute("insert into ops.canary_verdict (plan_id, passed, figures) values (%s, true, '{}')", [PLAN])
    assert "canary" not in [f.check.name for f in compare(seeded, PLAN).failed]
