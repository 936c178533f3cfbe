"""A yes is bound to the very plan that was shown; a launch sends nothing that nobody said yes to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from approving import asking, campaign, no_phone, person, planned

from obzvon.errors import NotApproved, PlanChanged
from obzvon.ledger.contacts import contacts_of
from obzvon.ledger.intents import Intent, intents_of
from obzvon.stages.approve import (
    Approval,
    Decision,
    answer_until,
    approval_of,
    ask,
    check_approved,
    decide,
    why_not_asked,
)
from obzvon.stages.plan import PlanSummary
from obzvon.vendors.base import Contact
from obzvon.warehouse.db import connect_async

AT = datetime(2031, 5, 19, 13, 30, tzinfo=UTC)
ROWS = [*map(person, (1, 2, 3)), no_phone(4, "foreign"), *(person(n, tz_offsets=[600]) for n in range(5, 13))]


@pytest.fixture
def summary(conn: psycopg.Connection) -> PlanSummary:
    spec = asking()
    loose = spec.contacts.model_copy(update={"max_reject_share": 1.0})
    return planned(conn, ROWS, spec=spec.model_copy(update={"contacts": loose}))


@pytest.fixture
def approved(conn: psycopg.Connection, summary: PlanSummary) -> PlanSummary:
    ask(conn, summary.plan_id, "run-1")
    decide(conn, summary.plan_id, summary.plan_hash, Decision.APPROVED, "olga", AT)
    conn.commit()
    return summary


async def checked(dsn: str, summary: PlanSummary, contacts: Sequence[Contact] | None = None) -> list[str]:
    """Check every intent as a launch does, with the contacts it would send; what was refused."""
    refused = []
    async with await connect_async(dsn) as conn:
        for intent in await intents_of(conn, summary.plan_id):
            try:
                await check_approved(conn, intent, await _to_send(conn, intent) if contacts is None else contacts)
            except NotApproved as error:
                refused.append(str(error))
    return refused


async def _to_send(conn: psycopg.AsyncConnection, intent: Intent) -> list[Contact]:
    return await contacts_of(conn, intent)


def run(conn: psycopg.Connection, statement: str, *values: object) -> None:
    conn.execute(statement.encode(), values)
    conn.commit()


def held(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    query = "select sum(held), count(released_at) from ops.attempt_reservation"
    return conn.execute(query).fetchall()


def test_asking_stores_what_is_shown_and_whom_it_means(conn: psycopg.Connection, summary: PlanSummary) -> None:
    document = ask(conn, summary.plan_id, "run-1")
    assert document.summary.plan_hash == summary.plan_hash
    stored = conn.execute("select plan_hash, decision, dag_run_id, intents from ops.plan_approval").fetchall()
    ((plan_hash, decision, run_id, intents),) = stored
    assert (plan_hash, decision, run_id) == (summary.plan_hash, None, "run-1")
    known = conn.execute("select intent_id, contacts_planned from ops.campaign_intent").fetchall()
    assert {key: shown["contacts"] for key, shown in intents.items()} == dict(known)
    assert {tuple(shown) for shown in intents.values()} == {
        ("zone", "contacts", "local_to", "settings", "local_date", "local_from", "window_end_utc", "window_start_utc")
    }
    copied = conn.execute("select row_no, contact_id, phone_e164 from pii.approved_contact order by row_no").fetchall()
    assert copied == [(n, f"c{n}", f"+7916{n:07d}") for n in range(1, 13) if n != 4]


def test_asking_again_replaces_the_question_and_the_people(conn: psycopg.Connection, approved: PlanSummary) -> None:
    people = [*map(person, (1, 2))]
    again = planned(conn, people, spec=asking(title="Другой"))
    ask(conn, again.plan_id, "run-2")
    stored = conn.execute("select plan_hash, decision, decided_by, dag_run_id from ops.plan_approval").fetchall()
    assert stored == [(again.plan_hash, None, None, "run-2")]
    assert conn.execute("select count(*) from pii.approved_contact").fetchone() == (2,)
    assert approval_of(conn, again.plan_id).stands is False


async def test_where_nobody_has_to_be_asked_everything_may_be_sent(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    summary = planned(conn, 5, spec=campaign(approval={"when": "never"}))
    assert approval_of(conn, summary.plan_id) == Approval(False, summary.plan_hash, None, None, None, False, False)
    conn.commit()
    assert await checked(warehouse_dsn, summary) == []


async def test_what_was_approved_may_be_sent(
    warehouse_dsn: str, conn: psycopg.Connection, approved: PlanSummary
) -> None:
    assert approval_of(conn, approved.plan_id) == Approval(
        True, approved.plan_hash, Decision.APPROVED, "olga", AT, stands=True, given_up=False
    )
    conn.commit()
    assert await checked(warehouse_dsn, approved) == []


async def test_without_an_answer_nothing_may_be_sent(
    warehouse_dsn: str, conn: psycopg.Connection, summary: PlanSummary
) -> None:
    assert len(await checked(warehouse_dsn, summary)) == 4
    ask(conn, summary.plan_id, "run-1")
    conn.commit()
    refused = await checked(warehouse_dsn, summary)
    assert len(refused) == 4
    assert "nobody has approved the plan: start a new run for this call date" in refused[0]


@pytest.mark.parametrize(
    ("decision", "said"),
    [(Decision.REJECTED, "olga said no to the plan"), (Decision.TIMED_OUT, "nobody answered in time whether to call")],
)
async def test_a_no_frees_what_was_reserved_and_nothing_may_be_sent(
    warehouse_dsn: str, conn: psycopg.Connection, summary: PlanSummary, decision: Decision, said: str
) -> None:
    ask(conn, summary.plan_id, "run-1")
    assert held(conn) == [(22, 0)]
    decide(conn, summary.plan_id, summary.plan_hash, decision, "olga", AT)
    assert held(conn) == [(0, 11)]
    state = approval_of(conn, summary.plan_id)
    assert (state.decision, state.stands, state.given_up) == (decision, False, True)
    conn.commit()
    refused = await checked(warehouse_dsn, summary)
    assert len(refused) == 4
    assert all(said in sentence for sentence in refused)


def test_after_a_no_the_plan_made_anew_is_asked_about_anew(conn: psycopg.Connection, summary: PlanSummary) -> None:
    ask(conn, summary.plan_id, "run-1")
    decide(conn, summary.plan_id, summary.plan_hash, Decision.REJECTED, "olga", AT)
    loose = asking().contacts.model_copy(update={"max_reject_share": 1.0})
    again = planned(conn, ROWS, spec=asking().model_copy(update={"contacts": loose}))
    state = approval_of(conn, again.plan_id)
    assert again.plan_hash == summary.plan_hash
    assert (state.needed, state.stands, state.given_up) == (True, False, False)
    assert held(conn) == [(22, 0)]


def test_what_is_at_the_vendor_keeps_its_reservation(conn: psycopg.Connection, summary: PlanSummary) -> None:
    ask(conn, summary.plan_id, "run-1")
    out = "update ops.campaign_intent set state = 'sending' where zone = '+03:00'"
    run(conn, out)
    decide(conn, summary.plan_id, summary.plan_hash, Decision.REJECTED, "olga", AT)
    assert held(conn) == [(6, 8)]


def test_an_answer_about_another_plan_is_refused(conn: psycopg.Connection, summary: PlanSummary) -> None:
    ask(conn, summary.plan_id, "run-1")
    again = planned(conn, 3, spec=asking())
    for decision in Decision:
        with pytest.raises(PlanChanged, match=f"was about plan {summary.plan_hash[:12]}, and the plan is another one"):
            decide(conn, summary.plan_id, summary.plan_hash, decision, "olga", AT)
    ask(conn, again.plan_id, "run-2")
    with pytest.raises(PlanChanged):
        decide(conn, summary.plan_id, summary.plan_hash, Decision.APPROVED, "olga", AT)
    assert conn.execute("select decision from ops.plan_approval").fetchall() == [(None,)]
    assert held(conn) == [(6, 0)]


def test_an_answer_is_not_taken_back(conn: psycopg.Connection, approved: PlanSummary) -> None:
    with pytest.raises(PlanChanged, match="decided otherwise"):
        decide(conn, approved.plan_id, approved.plan_hash, Decision.REJECTED, "ivan", AT)
    assert approval_of(conn, approved.plan_id).by == "olga"
    assert held(conn) == [(22, 0)]


async def test_a_plan_made_anew_after_the_yes_is_not_approved(
    warehouse_dsn: str, conn: psycopg.Connection, approved: PlanSummary
) -> None:
    again = planned(conn, [*map(person, (1, 2, 3))], spec=asking())
    refused = await checked(warehouse_dsn, again)
    assert len(refused) == 1
    assert "olga approved another plan" in refused[0]


EDIT = "update pii.contact_payload set"
CHANGES = {
    "phone": (f"{EDIT} phone_e164 = '+79990000000' where row_no = 2", "row 2 (contact c2): phone"),
    "variables": (
        f"""{EDIT} variables = variables || '{{"sum": 1000000}}' where row_no = 2""",
        "row 2 (contact c2): variables",
    ),
    "both": (
        f"""{EDIT} variables = '{{}}', phone_e164 = '+79990000000' where row_no = 2""",
        "row 2 (contact c2): phone, variables",
    ),
    "vendor campaign": (
        "update ops.plan_contact set intent_id = (select intent_id from ops.campaign_intent where zone = '+03:00')"
        " where row_no = 5",
        "row 5 (contact c5): vendor campaign",
    ),
    "added": (
        "update ops.plan_contact set exclusion_code = null, exclusion_reason = null, external_id = 'new',"
        " tz_offsets = '{180}', intent_id = (select intent_id from ops.campaign_intent where zone = '+03:00')"
        " where row_no = 4",
        "row 4 (contact c4): added",
    ),
    "start": (
        "update ops.campaign_intent set window_start_utc = window_start_utc - interval '1 hour' where zone = '+03:00'",
        "its window or the settings of its campaign have changed",
    ),
    "settings": (
        "update ops.campaign_plan set spec = jsonb_set(spec, '{limits,chunk_size}', '7')",
        "its window or the settings of its campaign have changed",
    ),
    "policy": (
        "with other as (insert into ops.policy (policy_hash, version, policy)"
        " values (repeat('a', 64), '2026-01-01', '{}') returning policy_hash)"
        " update ops.campaign_plan set policy_hash = other.policy_hash from other",
        "its window or the settings of its campaign have changed",
    ),
    "zone": (
        "update ops.campaign_intent set tz_offsets = '{120}' where zone = '+03:00'",
        "its window or the settings of its campaign have changed",
    ),
    "hours": (
        "update ops.campaign_intent set local_to = '23:00' where zone = '+03:00'",
        "its window or the settings of its campaign have changed",
    ),
}


@pytest.mark.parametrize(("edit", "named"), CHANGES.values(), ids=CHANGES)
async def test_what_was_changed_behind_the_yes_is_named_and_not_sent(
    warehouse_dsn: str, conn: psycopg.Connection, approved: PlanSummary, edit: str, named: str
) -> None:
    run(conn, edit)
    if "row_no = 4" in edit:
        run(conn, f"{EDIT} phone_e164 = '+79160000004' where row_no = 4")
    refused, *others = await checked(warehouse_dsn, approved)
    assert bool(others) == ("campaign_plan" in edit)  # the settings are those of every vendor campaign
    assert f"not what olga approved on 2031-05-19 13:30: {named}. Nothing of it was sent" in refused
    assert "+7" not in refused.replace("+03:00", "")
    assert "1000000" not in refused
    assert not approval_of(conn, approved.plan_id).stands  # so it is asked about again


async def test_five_differences_are_named_the_others_counted(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    summary = planned(conn, 8, spec=asking(limits={"chunk_size": 100}))
    ask(conn, summary.plan_id, "run-1")
    decide(conn, summary.plan_id, summary.plan_hash, Decision.APPROVED, "olga", AT)
    run(conn, f"{EDIT} variables = '{{}}'")
    (refused,) = await checked(warehouse_dsn, summary)
    assert refused.count("variables") == 5
    assert "row 5 (contact c5): variables; and 3 more." in refused


async def test_people_taken_out_since_are_no_difference(
    warehouse_dsn: str, conn: psycopg.Connection, approved: PlanSummary
) -> None:
    out = "update ops.plan_contact set exclusion_code = 'EXCL_DNC', exclusion_reason = 'x', intent_id = null"
    run(conn, f"{out} where row_no in (1, 6)")
    assert await checked(warehouse_dsn, approved) == []
    assert approval_of(conn, approved.plan_id).stands


async def test_a_value_that_changes_between_reading_and_sending_is_caught(
    warehouse_dsn: str, conn: psycopg.Connection, approved: PlanSummary
) -> None:
    """What counts is what the request will carry, not what the row says by then."""
    async with await connect_async(warehouse_dsn) as launch:
        intent = next(i for i in await intents_of(launch, approved.plan_id) if i.zone == "+03:00")
        read = await contacts_of(launch, intent)
        other = [Contact(read[0].external_id, "+79990000000", read[0].variables), *read[1:]]
        with pytest.raises(NotApproved, match=r"row 1 \(contact c1\): phone\."):
            await check_approved(launch, intent, other)
        words = [Contact(read[0].external_id, read[0].phone, {"sum": 2}), *read[1:]]
        with pytest.raises(NotApproved, match=r"row 1 \(contact c1\): variables\."):
            await check_approved(launch, intent, words)
        stranger = Contact("nobody-1", "+79990000000", {})
        with pytest.raises(NotApproved, match=r"contact nobody-1\): added\."):
            await check_approved(launch, intent, [*read, stranger])


async def test_numbers_are_compared_by_value(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    texts = (
        '{"x": 1.50}',
        '{"x": 1e20}',
        '{"x": 0.1}',
        '{"x": 999999999999999999}',
        '{"x": "Имя \\" , \\u0041"}',
        "{}",
    )
    rows = [person(n, variables=text) for n, text in enumerate(texts, start=1)]
    summary = planned(conn, rows, spec=asking(limits={"chunk_size": 100}))
    ask(conn, summary.plan_id, "run-1")
    decide(conn, summary.plan_id, summary.plan_hash, Decision.APPROVED, "olga", AT)
    conn.commit()
    assert await checked(warehouse_dsn, summary) == []


@pytest.mark.parametrize(
    ("needed", "rule", "why"),
    [
        (True, {}, "olga approved this very plan at 2031-05-19 13:30 UTC"),
        (False, {"when": "never"}, "approval is not needed: approval.when is never"),
        (False, {"contacts": 7}, "approval is not needed: no more than approval.contacts (7) are to be called"),
        (
            False,
            {"contacts": 7, "cost_rub": "99.5"},
            "approval is not needed: no more than approval.contacts (7) are to be called and the cost stays within "
            "approval.cost_rub (99.5)",
        ),
    ],
)
def test_why_nobody_is_asked(needed: bool, rule: dict[str, Any], why: str) -> None:
    state = Approval(needed, "0" * 64, Decision.APPROVED, "olga", AT, stands=needed, given_up=False)
    assert why_not_asked(state, campaign(approval=rule)) == why


@pytest.mark.parametrize(
    ("hours", "until"),
    [(2, AT + timedelta(hours=2)), (100, datetime(2031, 5, 20, 16, 30, tzinfo=UTC))],
    ids=["the time-out of the file", "not until it is too late to call"],
)
def test_how_long_an_answer_is_waited_for(hours: float, until: datetime) -> None:
    spec = campaign(approval={"timeout_hours": hours})
    assert answer_until(spec, datetime(2031, 5, 20, 17, tzinfo=UTC), AT) == until
