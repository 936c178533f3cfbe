"""The operators of the DAG `retention`, over connections and variables as Airflow gives them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import days as house
import psycopg
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from days import DAYS, Days
from launching import forced
from policies import SHIPPED

from obzvon.ledger.keys import plan_id
from obzvon.stages.erase import erase
from obzvon.vendors.dialog import Dialog
from obzvon.warehouse.partitions import PARTITIONED
from obzvon_provider.operators import retention
from obzvon_provider.operators.retention import EraseAgainOperator, RetentionOperator

SECRET = "a secret of at least thirty-two characters"
DAY = DAYS[0]
PLAN = plan_id("test_campaign", DAY)
PHONE, OTHER = "+79160000001", "+79160000002"
KEPT_DAYS = 7
TABLES = [table for _, table in PARTITIONED]
#: The first moment in Moscow at which the plan of DAY is older than that.
OLD = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(days=KEPT_DAYS + 1, hours=-3)

#: The database keeps whoever has this phone.
REFUSED = f"""
create function kept() returns trigger language plpgsql as $$
begin if old.phone_raw = '{OTHER}' then raise exception 'kept: %', old.phone_raw; end if; return old; end $$;
create trigger kept before delete on pii.contact_payload for each row execute function kept();
"""


@pytest.fixture
async def days(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """A day with a report on two people, and a policy that keeps everything for a week."""
    monkeypatch.setattr(house, "SECRET", SECRET.encode())
    days = Days(warehouse_dsn, conn, tmp_path)
    days.dialer = Dialog
    days.plan(DAY)
    forced(conn, "update ops.campaign_intent set submitted_at = '2001-01-01 00:00+00'")  # before anybody is erased
    conn.execute("insert into pii.contact_payload values (%s, 1, %s, %s, 'Имя', '{}')", (PLAN, PHONE, PHONE))
    conn.commit()
    await reported(days, "collect")
    days.final(DAY)
    policy = tmp_path / "policy.yaml"
    terms = re.sub(r"retention_days: \d+", f"retention_days: {KEPT_DAYS}", SHIPPED.read_text("utf-8"))
    policy.write_text(terms, "utf-8")
    where = urlsplit(warehouse_dsn)
    extra = {name: values[0] for name, values in parse_qs(where.query).items()}
    warehouse = {"conn_type": "postgres", "login": where.username, "schema": where.path[1:], "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(warehouse))
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_PHONE_SECRET", SECRET)
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_ARCHIVE", str(days.archive.root))
    monkeypatch.setenv("OBZVON_POLICY", str(policy))
    return days


async def reported(days: Days, batch: str) -> None:
    """The vendor's report of the day: one call to each of the two."""
    data = [
        {"phone_number": phone, "call_start": f"{DAY}T12:00:00+03:00", "status": "Разговор"} for phone in (PHONE, OTHER)
    ]
    await days.pull(DAY, batch, [{"columns": [], "data": data, "count": len(data)}])


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """It is this moment for the operators."""

    class Fixed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return moment.astimezone(tz)

    monkeypatch.setattr(retention, "datetime", Fixed)


def pages(days: Days) -> str:
    """What the archive holds."""
    named = days.conn.execute("select path, sha256 from ops.raw_archive where gone_at is null").fetchall()
    days.conn.commit()
    return "".join(days.archive.open(path, sha256).read().decode() for path, sha256 in named)


def keep() -> dict[str, int]:
    return RetentionOperator(task_id="retention").execute({})


def erase_again() -> int:
    return EraseAgainOperator(task_id="erase_again").execute({})


def test_what_is_kept_goes_by_the_policy_file_and_the_date_in_moscow(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, OLD - timedelta(seconds=1))
    assert keep() == {"plans": 0, "held_back": 0, "files": 0, "phones": 0}
    assert PHONE in pages(days)
    at(monkeypatch, OLD)
    assert keep() == {"plans": 1, "held_back": 0, "files": 1, "phones": 0}
    assert pages(days) == ""
    assert days.conn.execute("select from pii.contact_payload").fetchall() == []
    assert days.conn.execute("select kind, purpose from ops.erasure").fetchall() == [("retention", "survey")]


def test_the_partitioned_facts_are_counted_for_the_planner(days: Days) -> None:
    known = "select relname, reltuples >= 0 from pg_class where relkind = 'p' order by 1"
    assert dict(days.conn.execute(known).fetchall()) == dict.fromkeys(TABLES, False)
    keep()
    assert dict(days.conn.execute(known).fetchall()) == dict.fromkeys(TABLES, True)


def test_each_plan_is_committed_by_itself(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second plan cannot be finished: the first one stays erased."""
    days.plan(DAYS[1])
    days.final(DAYS[1])
    days.conn.execute(
        "insert into pii.contact_payload values (%s, 1, %s, %s, 'Имя', '{}')",
        (plan_id("test_campaign", DAYS[1]), OTHER, OTHER),
    )
    days.conn.execute(REFUSED.encode())
    days.conn.commit()
    at(monkeypatch, OLD + timedelta(days=1))
    with pytest.raises(AirflowException) as failed:
        keep()
    assert OTHER not in str(failed.value)
    assert days.conn.execute("select phone_raw from pii.contact_payload").fetchall() == [(OTHER,)]


def test_a_policy_file_that_cannot_be_read_fails_without_a_second_try(
    days: Days, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OBZVON_POLICY", str(tmp_path / "nowhere.yaml"))
    with pytest.raises(AirflowFailException, match=r"nowhere\.yaml"):
        keep()
    assert PHONE in pages(days)


async def test_who_was_erased_and_comes_back_in_a_later_report_is_erased_again(days: Days) -> None:
    erase(days.dsn, days.archive, PHONE, secret=SECRET.encode())
    assert erase_again() == 0
    await reported(days, "late")
    assert PHONE in pages(days)
    assert erase_again() == 1
    assert (PHONE in pages(days), OTHER in pages(days)) == (False, True)
    assert erase_again() == 0
