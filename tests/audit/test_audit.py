"""The audit: agreement holds, a difference with a cause is shown, a difference without one fails the run."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.types.json import Jsonb
from qa_rows import World

from obzvon.errors import AuditError, LedgerError
from obzvon.stages.audit import AuditReport, Finding, audit
from obzvon.stages.audit_checks import CHECKS

LIMIT = "update ops.campaign_plan set spec = jsonb_build_object('limits', jsonb"
CANCEL = "update ops.campaign_intent set note ="
UNSEND = "update ops.plan_contact set sent_state = null where row_no = 2"
QUARANTINE = """
insert into ops.quarantine (archive_id, row_no, rule, field, cause)
select archive_id, n, 'r', 'f', 'c' from ops.raw_archive, generate_series(1, 5) n where kind = 'report'
"""

DAMAGES = [
    ("update ops.campaign_plan set contacts_total = 7", "decided", (7, 6)),
    ("update ops.campaign_plan set contacts_to_call = 5", "to_call", (5, 4)),
    ("update ops.campaign_intent set state = 'in_doubt'", "settled", (1, 0)),
    ("update ops.campaign_intent set state = 'refused'", "settled", (1, 0)),
    ("update ops.plan_contact set sent_state = null where row_no = 2", "sent", (4, 3)),
    ("update ops.campaign_intent set contacts_rejected = 1", "answered", (4, 5)),
    ("update ops.plan_contact set sent_state = 'rejected' where row_no = 2", "counted", (4, 3)),
    ("update dwh.fact_call_attempt set contact_key = null where vendor_call_id = 'b'", "foreign", (0, 1)),
    ("update ops.plan_contact set sent_state = 'rejected' where row_no = 4", "foreign", (0, 1)),
    ("update dwh.fact_call_attempt set batch_id = 'nowhere' where vendor_call_id = 'e'", "foreign", (0, 1)),
    ("update ops.raw_archive set loaded_at = null where kind = 'sessions'", "collected", (1, 0)),
    ("delete from ops.raw_archive", "collected", (1, 0)),
    ("update ops.raw_archive set control_count = 6 where kind = 'report'", "complete", (6, 5)),
    ("update ops.raw_archive set rows = 6, control_count = 6 where kind = 'report'", "loaded", (6, 5)),
    ("update ops.raw_archive set control_count = 5, rows = 4 where kind = 'report'", "complete", (5, 4)),
    ("update ops.raw_archive set control_count = 4, rows = 0 where kind = 'report'", "complete", (4, 0)),
    ("delete from dwh.fact_call_attempt where vendor_call_id = 'e'", "reported", (4, 3)),
    ("delete from dwh.fact_call_attempt", "reported", (4, 0)),
    (f"{LIMIT} '{{\"max_silent_share\": 1}}'); delete from dwh.fact_call_attempt", "reported", (4, 0)),
    (QUARANTINE, "quarantined", (0, 5)),
    ("update dwh.fact_call_attempt set disposition_code = 'UNKNOWN' where vendor_call_id = 'a'", "unknown", (0, 1)),
    (f"{CANCEL} 'the calling window was over before the launch', state = 'cancelled'; {UNSEND}", "sent", (4, 3)),
    (f"{CANCEL} 'every contact was suppressed after planning', state = 'cancelled'; {UNSEND}", "sent", (4, 3)),
    ("delete from ops.qa_delivery where call_uid = 'dialog:b'", "recorded", (2, 1)),
    ("update ops.qa_delivery set state = 'IN_DOUBT' where call_uid = 'dialog:b'", "recorded", (2, 1)),
    ("update ops.qa_delivery set state = 'MISSING' where call_uid = 'dialog:c'", "delivered", (3, 2)),
    ("delete from ops.qa_delivery where call_uid = 'dialog:d'", "delivered", (3, 2)),
    ("delete from dwh.fact_call_attempt where vendor_call_id = 'b'", "invented", (0, 1)),
]
"""What somebody or something breaks, the first check that sees it, and the numbers it shows."""


def agreeing_world(conn: psycopg.Connection) -> World:
    """Four contacts called, two excluded; three conversations delivered, rejected and skipped, one call unanswered."""
    world = World(conn)
    for row_no in (1, 2, 3, 4):
        world.contact(row_no)
    world.contact(5, excluded="EXCL_DNC")
    world.contact(6, excluded="EXCL_INVALID")
    world.attempt(1, "a", "NO_ANSWER")
    world.attempt(1, "b")
    world.attempt(2, "c", "GOAL")
    world.attempt(3, "d", record_url=None)
    world.attempt(4, "e", "NO_ANSWER", record_url=None)
    for call_id, state in (("b", "SENT"), ("c", "REJECTED"), ("d", "SKIPPED")):
        world.delivery(call_id, state)
    world.pull(5)
    world.pull(3, kind="sessions", counted=9)
    return world


@pytest.fixture
def world(conn: psycopg.Connection) -> World:
    return agreeing_world(conn)


def limits(world: World, **shares: float) -> None:
    world.run("update ops.campaign_plan set spec = %s", Jsonb({"limits": shares}))


def finding(report: AuditReport, name: str) -> tuple[int, int, int, str | None]:
    (found,) = [f for f in report.findings if f.check.name == name]
    return found.expected, found.actual, found.explained, found.explanation


def test_agreement_holds_and_is_stored(world: World) -> None:
    report = audit(world.conn, world.plan_id)
    assert finding(report, "decided") == (6, 6, 0, None)
    assert finding(report, "to_call") == (4, 4, 0, None)
    assert finding(report, "reported") == (4, 4, 0, None)
    assert finding(report, "recorded") == (2, 2, 0, "1 rejected")
    assert finding(report, "delivered") == (3, 3, 0, "1 skipped without a recording")
    rows = world.conn.execute("select count(*), bool_and(holds) from ops.audit_check").fetchone()
    assert rows == (len(report.findings), True)


def test_a_second_audit_replaces_the_first(world: World) -> None:
    world.run("update ops.campaign_plan set contacts_total = 7")
    with pytest.raises(AuditError):
        audit(world.conn, world.plan_id)
    world.run("update ops.campaign_plan set contacts_total = 6")
    report = audit(world.conn, world.plan_id)
    assert world.conn.execute("select count(*), bool_and(holds) from ops.audit_check").fetchone() == (
        len(report.findings),
        True,
    )


def test_a_plan_that_excludes_everybody_agrees(conn: psycopg.Connection) -> None:
    world = World(conn)
    world.run("delete from ops.campaign_intent")
    world.contact(1, excluded="EXCL_INVALID")
    report = audit(conn, world.plan_id)
    assert finding(report, "sent") == (0, 0, 0, None)


def test_differences_with_a_cause_are_counted_and_shown(world: World) -> None:
    world.run(
        "update ops.plan_contact set exclusion_code = 'EXCL_DNC', exclusion_reason = 'suppressed_after_plan'"
        ", intent_id = null, sent_state = null where row_no = 4"
    )
    world.run("update ops.campaign_intent set contacts_sent = 3, contacts_accepted = 3")
    world.run("delete from dwh.fact_call_attempt where vendor_call_id = 'e'")
    world.run("update ops.raw_archive set rows = 4, control_count = 4 where kind = 'report'")
    world.contact(7)
    world.contact(8, sent="rejected")
    world.intent("final_partial")
    world.contact(9)
    world.pull(0)
    world.intent("cancelled")
    world.contact(10)
    world.run("update ops.campaign_plan set contacts_to_call = 8")
    limits(world, max_silent_share=0.5)
    report = audit(world.conn, world.plan_id)
    assert finding(report, "to_call") == (8, 7, 1, "1 asked not to be called after the plan was made")
    assert finding(report, "sent") == (7, 7, 0, None)
    assert finding(report, "answered") == (7, 7, 0, "1 rejected")
    assert finding(report, "reported") == (
        6,
        3,
        3,
        "1 in cancelled intents, 1 never dialled by the end of their window, 1 in intents that ended by the deadline,"
        " at most 50.00% are allowed",
    )


def test_silent_contacts_do_not_explain_rows_that_the_vendor_counted_and_we_lack(world: World) -> None:
    world.contact(7)
    limits(world, max_silent_share=0.5)
    world.run("update ops.raw_archive set control_count = 6 where kind = 'report'")
    with pytest.raises(AuditError, match=r"complete: .* 6 and 5, 0 explained;"):
        audit(world.conn, world.plan_id)


def test_an_intent_that_the_opt_outs_emptied_is_no_difference(world: World) -> None:
    world.intent("cancelled")
    world.run("update ops.campaign_intent set note = 'every contact was suppressed after planning' where chunk_no = 1")
    assert finding(audit(world.conn, world.plan_id), "sent") == (4, 4, 0, None)


def test_rows_in_quarantine_and_rows_that_came_twice_are_accounted_for(world: World) -> None:
    world.run("update ops.raw_archive set rows = 7, control_count = 6 where kind = 'report'")
    world.run(
        "insert into ops.quarantine (archive_id, row_no, rule, field, cause)"
        " select archive_id, 3, 'r', 'f', 'c' from ops.raw_archive where kind = 'report'"
    )
    limits(world, max_quarantine_share=0.2)
    report = audit(world.conn, world.plan_id)
    assert finding(report, "complete") == (6, 6, 0, None)
    assert finding(report, "loaded") == (7, 6, 1, "1 in quarantine, 1 came twice")
    assert finding(report, "quarantined") == (0, 1, 1, "1 of 7 rows, at most 20.00% are allowed")


def test_a_later_pull_takes_the_place_of_an_earlier_one(world: World) -> None:
    world.attempt(1, "late", "NO_ANSWER", batch_id="batch-2")
    world.pull(6, "batch-2")
    report = audit(world.conn, world.plan_id)
    assert finding(report, "loaded") == (6, 6, 0, None)


def test_few_outcomes_nobody_has_mapped_are_shown_and_do_not_fail(world: World) -> None:
    world.attempt(4, "f", "UNKNOWN", vendor_status_raw="TELEPATHY", record_url=None)
    limits(world, max_unknown_share=0.2)
    world.run("update ops.raw_archive set rows = 6, control_count = 6 where kind = 'report'")
    report = audit(world.conn, world.plan_id)
    assert finding(report, "unknown") == (
        0,
        1,
        1,
        "statuses never seen before: TELEPATHY, at most 20.00% are allowed",
    )


@pytest.mark.parametrize(
    ("damage", "check", "numbers"),
    DAMAGES,
)
def test_a_difference_without_a_cause_fails_with_its_numbers(
    world: World, damage: str, check: str, numbers: tuple[int, int]
) -> None:
    world.run(damage)
    with pytest.raises(AuditError, match=rf"\b{check}\b.* docs/reconciliation\.md"):
        audit(world.conn, world.plan_id)
    row = world.conn.execute(
        "select expected, actual, holds from ops.audit_check where check_name = %s", [check]
    ).fetchone()
    assert row == (*numbers, False)


@pytest.mark.parametrize("row_no", [5, 6])
def test_a_call_to_an_excluded_phone_fails(world: World, row_no: int) -> None:
    world.attempt(row_no, "x", "NO_ANSWER", intent_id=world.intents[0])
    with pytest.raises(AuditError, match="excluded"):
        audit(world.conn, world.plan_id)


def test_a_duplicate_row_does_not_make_its_phone_an_excluded_one(world: World) -> None:
    world.run(
        "insert into ops.plan_contact (plan_id, row_no, contact_id, phone_key, exclusion_code)"
        " select plan_id, 7, 'C-7', phone_key, 'EXCL_DUPLICATE' from ops.plan_contact where row_no = 1"
    )
    world.run("update ops.campaign_plan set contacts_total = 7")
    assert finding(audit(world.conn, world.plan_id), "excluded") == (0, 0, 0, None)


def test_several_failures_are_all_named_in_one_sentence(world: World) -> None:
    world.run("update ops.campaign_plan set contacts_total = 7")
    world.run("delete from ops.qa_delivery")
    with pytest.raises(AuditError) as raised:
        audit(world.conn, world.plan_id)
    assert str(raised.value) == (
        "audit of autumn_survey for 2030-05-20 fails at decided: rows of the list = rows with a decision: "
        "7 and 6, 0 explained; so do recorded, delivered; the query `decided` of docs/reconciliation.md shows the rows"
    )


def test_an_unknown_plan_is_said_to_be_unknown(conn: psycopg.Connection) -> None:
    with pytest.raises(LedgerError, match="run the plan stage"):
        audit(conn, "f" * 64)


def test_what_holds_is_decided_by_the_explained_part() -> None:
    assert Finding(CHECKS[0], 5, 3, 2, "two were late").holds
    assert not Finding(CHECKS[0], 5, 3, 1, "one was late").holds
    assert not Finding(CHECKS[0], 3, 5, 0, None).holds
