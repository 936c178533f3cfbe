"""Who may not be called any more when a request is about to leave: opt-outs, other campaigns, caps, what is gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from barring import PERSON, elsewhere, made_under, once_a_day, one_person, phone, planned, suppress
from launching import CALL_DATE, NOW, PLAN, BatchDialer, ScriptedDialer, forced, spec

from obzvon.errors import NotSent
from obzvon.ledger.barred import drop_barred
from obzvon.ledger.intents import intents_of
from obzvon.ledger.keys import intent_id
from obzvon.policy.caps import CapRule
from obzvon.stages.launch import Launcher, launch
from obzvon.vendors.base import Acceptance, Contact
from obzvon.warehouse.db import connect_async

pytestmark = pytest.mark.stack

NO_CAPS = CapRule("survey", one_campaign=False)


async def drop(dsn: str, rule: CapRule = NO_CAPS, chunk: int = 0) -> int:
    async with await connect_async(dsn) as conn:
        dropped = await drop_barred(conn, (await intents_of(conn, PLAN))[chunk], rule)
        await conn.commit()
        return dropped


def out(conn: psycopg.Connection) -> dict[int, str]:
    """Rows of the list that were taken out, each with its reason."""
    rows = conn.execute(
        "select row_no, exclusion_code || ' ' || exclusion_reason from ops.plan_contact"
        " where exclusion_code is not null and intent_id is null"
    ).fetchall()
    conn.commit()
    return dict(rows)


def held(conn: psycopg.Connection, intent: str) -> list[int]:
    """What each phone of the intent holds, in the order of the list."""
    rows: dict[str, int] = dict(
        conn.execute("select phone_key, held from ops.attempt_reservation where intent_id = %s", (intent,))
    )
    conn.commit()
    return [rows[key] for key in map(phone, range(1, 99)) if key in rows]


async def test_whoever_asked_not_to_be_called_after_the_plan_is_taken_out(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    (intent,) = planned(conn, 9)
    one_person(conn, 2, 3)
    suppress(conn, 1)
    suppress(conn, 77, person=PERSON)  # by a phone that is not in this list
    suppress(conn, 4, purpose="survey")
    suppress(conn, 5, purpose="debt")
    suppress(conn, 6, valid_to=datetime(2001, 1, 1, tzinfo=UTC), valid_from=datetime(2000, 1, 1, tzinfo=UTC))
    suppress(conn, 7, valid_from=datetime(2031, 5, 20, 17, tzinfo=UTC))  # the last moment of the window
    suppress(conn, 8, valid_from=datetime(2031, 5, 20, 17, 0, 1, tzinfo=UTC))
    assert await drop(warehouse_dsn) == 5
    assert out(conn) == dict.fromkeys((1, 2, 3, 4, 7), "EXCL_DNC suppressed_after_plan")
    assert held(conn, intent) == [0, 0, 0, 0, 1, 1, 0, 1, 1]
    assert await drop(warehouse_dsn) == 0


async def test_contacts_who_were_handed_over_stay(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    (intent,) = planned(conn, 4)
    for number in range(1, 5):
        suppress(conn, number)
    conn.execute("update ops.plan_contact set sent_state = 'accepted' where row_no = 2")
    conn.execute("update ops.plan_contact set sent_state = 'sending' where row_no = 3")
    conn.commit()
    assert await drop(warehouse_dsn) == 2
    assert sorted(out(conn)) == [1, 4]
    assert held(conn, intent) == [0, 1, 1, 0]


async def test_a_reservation_that_is_gone_takes_its_contact_out(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    planned(conn, 4)
    conn.execute("delete from ops.attempt_reservation where phone_key = %s", (phone(1),))
    conn.execute("update ops.attempt_reservation set held = 0 where phone_key = %s", (phone(2),))
    conn.execute("update ops.attempt_reservation set local_date = local_date + 1 where phone_key = %s", (phone(3),))
    conn.commit()
    assert await drop(warehouse_dsn) == 3
    assert out(conn) == dict.fromkeys((1, 2, 3), "EXCL_CAP reservation_gone")


async def test_every_date_of_the_contact_is_given_back_and_the_contact_counts_once(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    planned(conn, 1)
    conn.execute(
        "insert into ops.attempt_reservation (phone_key, intent_id, local_date, campaign_id, purpose, max_attempts,"
        " held) select phone_key, intent_id, local_date + 1, campaign_id, purpose, 1, 1 from ops.attempt_reservation"
    )
    conn.commit()
    suppress(conn, 1)
    assert await drop(warehouse_dsn) == 1
    rows = conn.execute("select held, released_at is not null from ops.attempt_reservation").fetchall()
    assert rows == [(0, True), (0, True)]


async def test_whom_another_campaign_took_on_that_day_is_left_to_it(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    planned(conn, 6)
    one_person(conn, 2)
    elsewhere(conn, 1, held=1, purpose="service")
    elsewhere(conn, 88, held=1, purpose="service", person=PERSON)
    elsewhere(conn, 3, attempts=1, day=CALL_DATE - timedelta(days=1))
    elsewhere(conn, 4)  # it was given back
    elsewhere(conn, 5, held=1, planned_at=NOW + timedelta(hours=1), state="planned", sent=None)  # that one gives way
    assert await drop(warehouse_dsn, NO_CAPS) == 0
    assert await drop(warehouse_dsn, CapRule("survey")) == 2
    assert out(conn) == dict.fromkeys((1, 2), "EXCL_DUPLICATE other_campaign_after_plan")


@pytest.mark.parametrize("scope", ["phone", "person"])
async def test_another_campaign_counts_by_phone_and_person_whatever_the_scope_of_the_caps(
    conn: psycopg.Connection, warehouse_dsn: str, scope: str
) -> None:
    planned(conn, 3)
    one_person(conn, 2)
    elsewhere(conn, 1, held=1)
    elsewhere(conn, 88, held=1, person=PERSON)
    assert await drop(warehouse_dsn, CapRule("survey", by_phone=scope == "phone", by_person=scope == "person")) == 2
    assert sorted(out(conn)) == [1, 2]


MONDAY, LAST_SUNDAY, NEXT_SUNDAY = date(2031, 5, 19), date(2031, 5, 18), date(2031, 5, 25)
FIRST, LAST = date(2031, 5, 1), date(2031, 5, 31)


async def test_late_rows_that_fill_a_cap_take_the_contact_out(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    """The call date is a Tuesday."""
    planned(conn, 8)
    elsewhere(conn, 1, attempts=1)
    elsewhere(conn, 2, attempts=1, day=MONDAY)
    elsewhere(conn, 3, attempts=1, day=NEXT_SUNDAY)
    elsewhere(conn, 4, attempts=1, day=LAST_SUNDAY)
    elsewhere(conn, 5, attempts=1, day=FIRST)
    elsewhere(conn, 6, attempts=1, day=LAST)
    elsewhere(conn, 7, attempts=1, purpose="debt")
    elsewhere(conn, 8, attempts=1, day=date(2031, 4, 30))

    async def after(**caps: object) -> list[int]:
        conn.execute(
            "update ops.plan_contact set exclusion_code = null, exclusion_reason = null, intent_id = %s"
            " where exclusion_code is not null",
            (intent_id("test_campaign", CALL_DATE, "+03:00", 0),),
        )
        conn.execute("update ops.attempt_reservation set held = 1 where campaign_id = 'test_campaign'")
        conn.commit()
        await drop(warehouse_dsn, CapRule("survey", one_campaign=False, **caps))  # type: ignore[arg-type]
        assert set(out(conn).values()) <= {"EXCL_CAP cap_after_plan"}
        return sorted(out(conn))

    assert await after(day=1) == [1]
    assert await after(day=2) == []
    assert await after(week=1) == [1, 2, 3]
    assert await after(week=1, rolling=True) == [1, 2, 3, 4]
    assert await after(week=2) == []
    assert await after(month=1) == [1, 2, 3, 4, 5, 6]
    assert await after(month=2) == []
    assert await after(day=1, answered=True) == []
    assert await after(day=1, by_phone=False) == []


@pytest.mark.parametrize(
    ("caps", "dropped"), [({"day": 2}, 0), ({"week": 2}, 1), ({"week": 3}, 0), ({"month": 2}, 1), ({"month": 3}, 0)]
)
async def test_a_dial_of_the_day_after_counts_for_the_week_and_the_month_only(
    conn: psycopg.Connection, warehouse_dsn: str, caps: dict[str, int], dropped: int
) -> None:
    """One dial was made elsewhere, one is to come today and one tomorrow."""
    planned(conn, 1)
    conn.execute(
        "insert into ops.attempt_reservation (phone_key, intent_id, local_date, campaign_id, purpose, max_attempts,"
        " held) select phone_key, intent_id, local_date + 1, campaign_id, purpose, 1, 1 from ops.attempt_reservation"
    )
    elsewhere(conn, 1, attempts=1)
    assert await drop(warehouse_dsn, CapRule("survey", one_campaign=False, **caps)) == dropped  # type: ignore[arg-type]


async def test_the_other_phone_of_a_person_counts(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    planned(conn, 2)
    one_person(conn, 1)
    elsewhere(conn, 88, attempts=1, answered=1, person=PERSON)
    assert await drop(warehouse_dsn, CapRule("survey", day=1, one_campaign=False, by_person=False)) == 0
    assert await drop(warehouse_dsn, CapRule("survey", day=1, one_campaign=False, answered=True)) == 1
    assert out(conn) == {1: "EXCL_CAP cap_after_plan"}


async def test_of_two_intents_that_are_too_many_only_the_later_planned_gives_way(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    planned(conn, 3)
    rule = CapRule("survey", day=1, one_campaign=False)
    elsewhere(conn, 1, held=1, state="planned", sent=None, planned_at=NOW + timedelta(hours=1))
    elsewhere(conn, 2, held=1, state="planned", sent=None, planned_at=NOW - timedelta(hours=1))
    assert await drop(warehouse_dsn, rule) == 1
    assert sorted(out(conn)) == [2]
    forced(conn, "update ops.campaign_intent set submitted_at = %s where campaign_id <> 'test_campaign'", (NOW,))
    conn.commit()
    assert await drop(warehouse_dsn, rule) == 1  # the later one has left first
    assert sorted(out(conn)) == [1, 2]


async def test_dials_that_happened_count_whoever_was_planned_first_but_never_those_of_the_contact_itself(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    planned(conn, 2)
    elsewhere(conn, 1, attempts=1, state="planned", sent=None, planned_at=NOW + timedelta(hours=1))
    conn.execute("update ops.attempt_reservation set attempts = 1 where phone_key = %s", (phone(2),))
    conn.commit()
    assert await drop(warehouse_dsn, CapRule("survey", day=1, one_campaign=False)) == 1
    assert out(conn) == {1: "EXCL_CAP cap_after_plan"}


async def test_of_two_intents_of_one_plan_exactly_one_gives_way(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    planned(conn, 1, intents=2)
    one_person(conn, 1, 2)
    rule = CapRule("survey", day=1, one_campaign=False)
    assert [await drop(warehouse_dsn, rule, chunk) for chunk in (0, 1)].count(1) == 1
    assert len(out(conn)) == 1


@pytest.mark.parametrize("sent", [None, 0, 3])
async def test_of_the_phones_of_one_person_in_an_intent_only_as_many_give_way_as_are_too_many(
    conn: psycopg.Connection, warehouse_dsn: str, sent: int | None
) -> None:
    """Two calls a day are allowed and planned, then one was made elsewhere."""
    planned(conn, 3)
    one_person(conn, 2, 3)
    elsewhere(conn, 88, attempts=1, person=PERSON)
    if sent is not None:
        forced(conn, "update ops.campaign_intent set submitted_at = %s, state = 'created'", (NOW,))
        conn.execute("update ops.plan_contact set sent_state = 'accepted' where row_no = %s", (sent,))
        conn.commit()
    assert await drop(warehouse_dsn, CapRule("survey", day=2, one_campaign=False)) == 1
    assert sorted(out(conn)) == [2 if sent else 3]


async def run(dsn: str, dialer: ScriptedDialer) -> None:
    async def no_pause(seconds: float) -> None:
        assert seconds > 0

    async with await connect_async(dsn) as conn:
        await launch(Launcher(conn, dialer, spec(), "run-1", lambda: False, lambda: NOW, no_pause), PLAN, 0)


def rows_of(dialer: ScriptedDialer) -> list[str]:
    return [external_id.rsplit("-")[-1] for external_id in dialer.handed]


async def test_a_launch_goes_by_the_policy_that_the_plan_was_made_under(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    planned(conn, 3)
    made_under(conn, once_a_day())
    elsewhere(conn, 2, attempts=1)
    suppress(conn, 3)
    dialer = ScriptedDialer()
    await run(warehouse_dsn, dialer)
    assert rows_of(dialer) == ["1"]
    assert out(conn) == {2: "EXCL_CAP cap_after_plan", 3: "EXCL_DNC suppressed_after_plan"}


async def test_a_plan_without_a_stored_policy_has_no_caps_but_opt_outs_hold(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    planned(conn, 3)
    elsewhere(conn, 2, attempts=99, day=MONDAY)
    suppress(conn, 3)
    dialer = ScriptedDialer()
    await run(warehouse_dsn, dialer)
    assert rows_of(dialer) == ["1", "2"]


async def test_whom_the_caps_bar_between_two_batches_is_passed_over_and_the_next_ones_are_called(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    (intent,) = planned(conn, 6)
    made_under(conn, once_a_day())

    class Filling(BatchDialer):
        async def add_contacts(self, task_id: str, order: object, contacts: Sequence[Contact]) -> Acceptance:
            first = not self.handed
            taken = await super().add_contacts(task_id, order, contacts)  # type: ignore[arg-type]
            if first:  # the vendor has the first batch by now
                suppress(conn, 3)
                elsewhere(conn, 4, attempts=1)
                suppress(conn, 1)
            return taken

    dialer = Filling()
    await run(warehouse_dsn, dialer)
    assert rows_of(dialer) == ["1", "2", "5", "6"]
    assert out(conn) == {3: "EXCL_DNC suppressed_after_plan", 4: "EXCL_CAP cap_after_plan"}
    assert held(conn, intent) == [1, 1, 0, 0, 1, 1]


async def test_a_batch_that_did_not_leave_is_asked_again(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    planned(conn, 2)

    def away(batch: Sequence[Contact]) -> Acceptance:
        raise NotSent("dialog", "add contacts", "no connection")

    with pytest.raises(NotSent):
        await run(warehouse_dsn, BatchDialer(add=away))
    suppress(conn, 1)
    dialer = BatchDialer()
    await run(warehouse_dsn, dialer)
    assert rows_of(dialer) == ["2"]
