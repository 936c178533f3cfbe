"""From a contact list to Qolio through a real Airflow: once, again, without a trace of a person, and through kills."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from functools import cache
from pathlib import Path

import httpx
import pytest
from conftest import CAMPAIGNS, DAGS, World, kill, tomorrow

from obzvon.local.postgres import binaries

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
ROOT = Path(__file__).resolve().parents[2]

#: A run of digits or of letters that are not Latin: what phones and names consist of.
WORD = re.compile(r"\d+|[^\W\d_a-zA-Z]+")
FACTS = """
select count(*), md5(string_agg(md5(f::text), '' order by vendor_code, vendor_call_id)) from dwh.fact_call_attempt f
"""


def journal(world: World) -> dict[str, object]:
    admin = f"{world.stack.address.sandbox}/_sandbox"
    with httpx.Client(trust_env=False, timeout=60) as http:
        dials = http.get(f"{admin}/dials").json()
        records = http.get(f"{admin}/qolio/calls").json()
    return {"dials": len(dials), "writes": sum(record["writes"] for record in records)}


def facts(world: World) -> object:
    with world.connect() as conn:
        return conn.execute(FACTS).fetchone()


def test_both_campaigns_reconcile_to_the_row(first_run: World) -> None:
    assert first_run.audit(tomorrow()) == {"demo_dialog": [], "demo_twin": []}
    books = first_run.books()
    assert {book.vendor for book in books} == {"dialog", "twin"}
    assert all(book.theirs for book in books)
    assert [book for book in books if not book.agrees] == []


def test_every_excluded_contact_is_in_the_warehouse_with_its_reason(first_run: World) -> None:
    with first_run.connect() as conn:
        rows = conn.execute(
            "select p.campaign_id, f.exclusion_code, count(*), count(f.exclusion_reason)"
            " from dwh.fact_campaign_contact f join ops.campaign_plan p using (plan_id)"
            " where f.exclusion_code is not null and p.call_date = %s"
            " group by 1, 2 order by 1, 2",
            [tomorrow()],
        ).fetchall()
    assert rows == [
        (campaign, code, number, number)
        for campaign in CAMPAIGNS
        for code, number in (("EXCL_DUPLICATE", 8), ("EXCL_INVALID", 31), ("EXCL_WINDOW", 9))
    ]


def test_the_same_call_date_again_dials_nobody_and_changes_nothing(first_run: World) -> None:
    before = journal(first_run), facts(first_run)
    assert first_run.finish(first_run.start(tomorrow())) == ["success", "success"]
    assert (journal(first_run), facts(first_run)) == before


@cache
def personal() -> set[str]:
    """Every phone (as written, and its last ten digits) and full name of the demo lists."""
    found: set[str] = set()
    for campaign, phone, name in (("demo_dialog", "Телефон", "ФИО"), ("demo_twin", "Моб. телефон", "Пациент")):
        path = ROOT / "include" / "campaigns" / "lists" / f"{campaign}.csv"
        with path.open(encoding="cp1251", newline="") as stream:
            for row in csv.DictReader(stream, delimiter=";"):
                digits = re.sub(r"\D", "", row[phone])
                found |= {row[phone].strip(), digits[-10:], row[name].strip()}
    return {text for text in found if len(text) >= 9}


def persons_in(text: str) -> set[str]:
    """Those of `personal` that stand in a text, as they are or escaped as JSON does it."""
    plain = re.sub(r"\\+u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), text)
    words = set(WORD.findall(plain))
    tens = {run[i : i + 10] for run in words if run.isdigit() for i in range(len(run) - 9)}
    return {one for one in personal() if one in tens or (words.issuperset(WORD.findall(one)) and one in plain)}


def metadata_dump(world: World) -> str:
    """The whole metadata database as SQL: XCom, rendered fields, trigger rows, logs and all."""
    command = [binaries() / "pg_dump", "--dbname", world.stack.server.url("obzvon_airflow")]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()


def test_logs_and_metadata_hold_no_phone_name_or_secret(first_run: World) -> None:
    home = first_run.stack.home
    logs = [path for folder in (home.logs, home.airflow) for path in sorted(folder.rglob("*")) if path.is_file()]
    texts = {str(path): path.read_text(encoding="utf-8", errors="replace") for path in logs}
    texts |= {"metadata": metadata_dump(first_run), "server log": (home.postgres / "log").read_text(errors="replace")}
    assert sum("batch.collect" in path for path in texts) >= 4
    assert "rendered_task_instance_fields" in texts["metadata"]
    secrets = {first_run.stack.secrets.phone_secret, "sandbox-dialog-password", "sandbox-twin-password",
               "sandbox-qolio-integration-token"}  # fmt: skip
    # bearer headers and the JWTs that the sandbox's TWIN issues; Airflow's own tokens have no business in a log either
    tokens = r"Bearer [\w.-]{8,}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}"
    wanted = re.compile("|".join([tokens, *map(re.escape, sorted(secrets))]))
    assert len(personal()) > 1000
    assert all(one in persons_in(json.dumps(f"a {one}")) for one in personal())
    assert {name for name, text in texts.items() if wanted.search(text) or persons_in(text)} == set()


def test_killing_everything_in_wait_and_in_collect_changes_no_number(first_run: World) -> None:
    world, stack, day = first_run, first_run.stack, tomorrow(2)
    for vendor, path in (("dialog", "report"), ("twin", "search/cis")):
        world.fault(vendor=vendor, path=path, do="delay", delay=1.5, times=100_000)
    runs = world.start(day)

    def running(task: str, state: str) -> bool:
        return sum(t.task_id == task and t.state == state for t in world.tasks(runs)) >= 2

    world.until(lambda: running("batch.wait", "deferred"), "reports are waited for")
    kill(*stack.airflow.values())
    assert not any(service.running for service in stack.airflow.values())
    stack.up()
    world.until(lambda: running("batch.collect", "running"), "reports are collected")
    kill(*stack.airflow.values())
    with world.connect() as conn:
        query = "select count(*) from ops.campaign_intent where call_date = %s and state = 'collecting'"
        (unfinished,) = conn.execute(query, [day]).fetchone() or (0,)
    assert unfinished, "the kill came after the collecting"
    stack.up()
    world.mend()
    assert world.finish(runs) == ["success", "success"]
    assert world.audit(day) == {"demo_dialog": [], "demo_twin": []}
    assert [book for book in world.books() if not book.agrees] == []
    assert {run.dag_id for run in runs} == set(DAGS)
