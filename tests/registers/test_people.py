"""A phone stands for the people whom plans have it of: what the commands bar is barred on their other phones too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from plan_lists import EVE, FRIDAY, SECRET, campaign, frames, row, same_phone
from policies import relaxed

from obzvon.ledger.barred import drop_barred
from obzvon.ledger.intents import intents_of
from obzvon.ledger.keys import person_key
from obzvon.policy.caps import CapRule
from obzvon.stages.plan import plan
from obzvon.warehouse.db import connect_async

pytestmark = pytest.mark.stack

Obzvon = Callable[..., Any]
ADD = ("suppress", "add", "--phone", "+79160000001", "--reason", "asked", "--from", "2026-01-01")
HER, HIM, NOBODY_ELSE = (person_key(SECRET, "default", name) for name in ("her", "him", "else"))
TWO_PHONES = [row(1, person_key=HER), row(2, person_key=HER), row(3, person_key=HIM)]


def planned(conn: psycopg.Connection, rows: list[dict[str, Any]], weeks: int = 0) -> dict[int, str | None]:
    """Plan the list for a Friday; the reason of each row that is not called."""
    later = timedelta(weeks=weeks)
    made = plan(conn, campaign(), relaxed(), FRIDAY + later, now=EVE + later, chunks=frames(rows), dag_run_id="run")
    query = "select row_no, exclusion_reason from ops.plan_contact where plan_id = %s"
    found: dict[int, str | None] = dict(conn.execute(query, [made.plan_id]))
    conn.commit()
    return found


def stored(conn: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
    found = conn.execute(query.encode()).fetchall()
    conn.commit()
    return found


def people(conn: psycopg.Connection) -> list[str | None]:
    return [key for (key,) in stored(conn, "select person_key from ops.suppression order by person_key")]


async def dropped(conn: psycopg.Connection, dsn: str) -> dict[int, str]:
    """Rows that are taken out of the first plan's intents when their requests are about to leave."""
    plan_id = stored(conn, "select plan_id from ops.campaign_plan order by call_date")[0][0]
    async with await connect_async(dsn) as session:
        for intent in await intents_of(session, plan_id):
            await drop_barred(session, intent, CapRule("survey"))
        await session.commit()
    query = "select row_no, exclusion_reason from ops.plan_contact where intent_id is null"
    return dict(stored(conn, query))


async def test_who_is_suppressed_by_one_phone_is_not_called_on_the_other(
    obzvon: Obzvon, conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    assert planned(conn, TWO_PHONES) == {1: None, 2: None, 3: None}
    assert "1 entries new" in obzvon(*ADD).stdout
    assert people(conn) == [HER]
    assert await dropped(conn, warehouse_dsn) == dict.fromkeys((1, 2), "suppressed_after_plan")
    assert planned(conn, TWO_PHONES, weeks=1) == {1: "suppressed", 2: "suppressed", 3: None}
    assert "0 entries new, 0 changed, 0 closed" in obzvon(*ADD).stdout


async def test_a_phone_that_several_people_have_bars_the_other_phones_of_each(
    obzvon: Obzvon, conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    """One of them was never called: the plan has the phone once."""
    rows = [
        row(1, person_key=HER),
        row(9, person_key=HIM, **same_phone(1)),
        row(2, person_key=HER),
        row(3, person_key=HIM),
        row(4, person_key=NOBODY_ELSE),
    ]
    assert planned(conn, rows) == {1: None, 2: "duplicate_phone", 3: None, 4: None, 5: None}
    assert "2 entries new" in obzvon(*ADD).stdout
    assert people(conn) == sorted([HER, HIM])
    assert sorted(await dropped(conn, warehouse_dsn)) == [1, 2, 3, 4]
    assert planned(conn, rows, weeks=1) == {**dict.fromkeys((1, 2, 3, 4), "suppressed"), 5: None}
    assert "0 entries new, 2 changed" in obzvon(*ADD, "--to", "2999-12-31").stdout


def test_a_person_who_becomes_known_later_gets_an_entry_when_the_command_comes_again(
    obzvon: Obzvon, conn: psycopg.Connection
) -> None:
    obzvon(*ADD)
    assert people(conn) == [None]
    assert planned(conn, TWO_PHONES) == {1: "suppressed", 2: None, 3: None}
    assert "1 entries new" in obzvon(*ADD).stdout
    assert planned(conn, TWO_PHONES, weeks=1) == {1: "suppressed", 2: "suppressed", 3: None}


def test_an_entry_is_lifted_by_the_phone_that_it_was_written_for(obzvon: Obzvon, conn: psycopg.Connection) -> None:
    planned(conn, TWO_PHONES)
    obzvon(*ADD)
    assert obzvon("suppress", "list", "--phone", "+79160000002").stdout.split()[-2:] == ["another", "yes"]
    assert "has nothing of this phone" in obzvon("suppress", "list", "--phone", "+79160000003").stdout
    lift = ("suppress", "lift", "--reason", "agreed", "--phone")
    done = obzvon(*lift, "+79160000002").stdout
    assert "0 closed" in done
    assert "1 of the phones are suppressed" in done
    done = obzvon(*lift, "+79160000001").stdout
    assert "1 closed" in done
    assert "are suppressed" not in done
    # it ended a moment ago, after the time at which this plan is made
    assert obzvon("suppress", "list", "--phone", "+79160000002").stdout.split()[-2:] == ["another", "no"]


def test_a_person_withdraws_a_consent_for_every_phone(obzvon: Obzvon, conn: psycopg.Connection) -> None:
    planned(conn, TWO_PHONES)
    given = ("--purpose", "survey", "--given-on", "2026-05-01", "--proof", "form 8")
    for phone in "123":
        obzvon("consent", "add", "--phone", f"+7916000000{phone}", *given)
    done = obzvon("consent", "withdraw", "--phone", "+79160000001", "--purpose", "survey").stdout
    assert "1 entries new, 0 changed, 2 closed" in done
    open_ones = "select phone_key from ops.consent where valid_to is null"
    assert stored(conn, open_ones) == [(row(3)["phone_key"],)]
    assert people(conn) == [HER]
    done = obzvon("consent", "add", "--phone", "+79160000002", *given).stdout
    assert "1 of the phones are suppressed" in done


def test_a_file_finds_the_people_of_each_phone(obzvon: Obzvon, conn: psycopg.Connection, tmp_path: Any) -> None:
    planned(conn, TWO_PHONES)
    file = tmp_path / "list.csv"
    file.write_text("phone,from\n" + "".join(f"+7916000000{n},2026-01-01\n" for n in (1, 3, 4, 1)), encoding="utf-8")
    assert "4 rows read: 3 entries new" in obzvon("suppress", "add", "--file", file, "--reason", "x").stdout
    assert people(conn) == [*sorted([HER, HIM]), None]
    assert stored(conn, "select distinct valid_from::date from ops.suppression") == [(date(2025, 12, 31),)]
