"""What stops a plan: one sentence that names cause and cure; nothing is stored and nobody is called."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from plan_lists import FRIDAY, Planner, bad, campaign, row
from policies import SHIPPED

from obzvon.errors import CampaignFileError, ListError, ObzvonError, PolicyError
from obzvon.policy.calendar import knows
from obzvon.policy.model import load_policy
from obzvon.stages.planning.stop import stop_if_unfit

pytestmark = pytest.mark.stack


@pytest.fixture(autouse=True)
def _nothing_is_stored(conn: psycopg.Connection) -> Any:
    yield
    conn.rollback()
    for table in ("ops.campaign_plan", "ops.campaign_intent", "pii.contact_payload", "pii.phone"):
        assert conn.execute(f"select count(*) from {table}").fetchone() == (0,)


def sentence(planned: Planner, kind: type[ObzvonError], rows: list[dict[str, Any]], **given: Any) -> str:
    with pytest.raises(kind) as stopped:
        planned(rows, **given)
    assert "\n" not in str(stopped.value)
    return str(stopped.value)


def contacts(**changes: Any) -> Any:
    return campaign().contacts.model_copy(update=changes)


def test_an_empty_list(planned: Planner) -> None:
    assert sentence(planned, ListError, []) == (
        "campaign autumn: the contact list is empty: check the export that `contacts.source` names, then start again; "
        "nobody was called"
    )


def test_more_contacts_than_allowed(planned: Planner) -> None:
    spec = campaign(contacts=contacts(max_contacts=4))
    assert sentence(planned, ListError, [row(n) for n in range(1, 6)], spec=spec) == (
        "campaign autumn: the list has more than 4 contacts (contacts.max_contacts): split the list or raise "
        "the limit; nobody was called"
    )


def test_too_many_rejects(planned: Planner) -> None:
    rows = [row(n) for n in range(1, 18)] + [bad(18, "two_phones"), bad(19, "foreign"), bad(20, "foreign")]
    assert sentence(planned, ListError, rows) == (
        "campaign autumn: 3 of 20 contacts (15.00%) are unusable, more than contacts.max_reject_share allows "
        "(5.00%): EXCL_INVALID/foreign 2, EXCL_INVALID/two_phones 1: correct the phones of the export (the column that "
        "contacts.columns.phone names), or raise the limit; nobody was called"
    )


def test_nobody_left_because_the_day_is_over(planned: Planner) -> None:
    evening = datetime(2026, 11, 20, 16, 55, tzinfo=UTC)
    assert sentence(planned, ListError, [row(1), row(2), row(2)], now=evening) == (
        "campaign autumn: none of the 3 contacts may be called on 2026-11-20: EXCL_WINDOW/window_over 2, "
        "EXCL_DUPLICATE/duplicate_phone 1: start earlier in the day or choose a later call date; nobody was called"
    )


@pytest.mark.parametrize(
    ("reason", "code", "cure"),
    [
        ("window_empty", "EXCL_WINDOW", "widen `window`"),
        ("day_off_closed", "EXCL_WINDOW", "hours for days off \\(window.dayoff"),
        ("unknown_zone", "EXCL_WINDOW", "time zone or region column"),
        ("suppressed", "EXCL_DNC", "take another list"),
        ("short_number", "EXCL_INVALID", "correct the phones"),
    ],
)
def test_the_cure_is_that_of_the_biggest_reason(reason: str, code: str, cure: str) -> None:
    spec = campaign(contacts=contacts(max_reject_share=1.0))
    with pytest.raises(ListError, match=cure):
        stop_if_unfit(spec, FRIDAY, 5, {(code, reason): 3, ("EXCL_DUPLICATE", "duplicate_phone"): 2})


def test_a_window_wider_than_the_policys(planned: Planner) -> None:
    spec = campaign(window={"from": "09:00", "to": "20:00"})
    assert "reaches outside 10:00–20:00" in sentence(planned, PolicyError, [row(1)], spec=spec)


def test_recalls_that_add_up_to_more_than_the_caps(planned: Planner) -> None:
    """Whatever else is wrong is said too: one correction, one more start."""
    said = sentence(planned, PolicyError, [row(1)], policy=load_policy(SHIPPED))
    assert said.startswith("campaign autumn: vendor: 1 + further attempts 1 = 2 dials a day; purpose survey allows 1 (")
    assert "; caller_ids: missing, and purpose survey needs labelled numbers" in said
    assert said.endswith("; nobody was called")


def test_a_call_date_that_is_over_everywhere(planned: Planner) -> None:
    said = sentence(planned, PolicyError, [row(1)], now=datetime(2026, 11, 20, 22, 0, tzinfo=UTC))
    assert said == (
        "call date 2026-11-20 is over: it is 2026-11-21 already in the westernmost zone; start a run for today or "
        "later; nobody was called"
    )


def test_debt_in_a_year_without_a_calendar(planned: Planner) -> None:
    year = next(year for year in range(2027, 2100) if not knows(year))
    day = date(year, 3, 1)
    assert f"does not know {year}" in sentence(
        planned, PolicyError, [row(1)], spec=campaign(purpose="debt"), call_date=day
    )


@pytest.mark.parametrize("name", ["zero\x00byte", "half \ud83d"])
def test_a_cell_that_no_database_can_hold(planned: Planner, name: str) -> None:
    found = sentence(planned, ListError, [row(1), row(2, full_name=name)])
    assert "the list holds a character that no database text can hold" in found
    assert "export the list again" in found


def test_too_small_chunks(planned: Planner) -> None:
    rows = [row(n) for n in range(1, 32_769)]
    found = sentence(planned, CampaignFileError, rows, spec=campaign(limits={"chunk_size": 1}))
    assert "limits.chunk_size 1 cuts zone +03:00 into more than 32767 vendor campaigns: raise it" in found
