"""After both demo campaigns have run: one person of each is erased from everywhere, and nothing brings them back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
import zstandard
from days import contents
from whole_way import DAY, ROOT, SECRET, Run

from obzvon.campaigns.catalogue import load
from obzvon.reports.archive import Archive
from obzvon.sandbox.process import running_sandbox
from obzvon.stages.audit import audit
from obzvon.stages.collect_batch import Collector
from obzvon.stages.erase import PLACES, erase, erase_again
from obzvon.stages.replay import replay
from obzvon.warehouse.db import connect

pytestmark = pytest.mark.stack

# Somebody with a conversation that has a recording and a transcript and went to Qolio.
TALKED = """
select p.phone_e164, c.external_id, f.vendor_call_id
from ops.plan_contact c join pii.contact_payload p using (plan_id, row_no)
join dwh.dim_contact d using (phone_key) join dwh.fact_call_attempt f using (contact_key)
join pii.dialog_turn t using (vendor_code, vendor_call_id) join ops.qa_delivery q using (vendor_code, vendor_call_id)
where q.state = 'SENT' and f.vendor_code = %s and c.intent_id = f.intent_id and f.has_record order by c.row_no limit 1
"""
SAID = """
select (select count(*) from pii.dialog_turn t where t.vendor_call_id = f.vendor_call_id), f.record_url, f.has_record
from dwh.fact_call_attempt f where f.vendor_call_id = %s
"""
ERASED = {"pii.contact_payload", "pii.dialog_turn", "pii.phone", "dwh.fact_call_attempt", "dwh.fact_dialog_goal",
          "ops.raw_archive", "ops.suppression"}  # fmt: skip


def archived(folder: Path) -> str:
    """All that the archive holds, unfinished files too."""
    pages = [file for file in folder.rglob("*") if file.is_file()]
    assert pages
    return "\n".join(zstandard.ZstdDecompressor().stream_reader(p.read_bytes()).read().decode() for p in pages)


def mentions(text: str, phone: str) -> bool:
    return phone[2:] in re.sub(r"[\s()+.-]", "", text)


def personal(dsn: str) -> str:
    """Every value of schema pii, as a dump would show it."""
    with connect(dsn) as conn:
        whole = "relnamespace = 'pii'::regnamespace and relkind in ('r', 'p') and not relispartition"
        tables = conn.execute(f"select relname from pg_class where {whole}".encode()).fetchall()
        assert len(tables) == 5
        return "\n".join(str(r) for (t,) in tables for r in conn.execute(f"select t::text from pii.{t} t".encode()))


def row(conn: psycopg.Connection, query: str, *values: Any) -> tuple[Any, ...]:
    found = conn.execute(query.encode(), values).fetchone()
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["demo_dialog", "demo_twin"])
async def test_a_person_goes_from_everywhere_and_no_replay_or_pull_brings_them_back(
    name: str, warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    (tmp_path / "sandbox").mkdir()
    folder = tmp_path / "archive"
    with running_sandbox(tmp_path / "sandbox", speed=36000) as server:
        run = Run(load(ROOT / "include" / "campaigns" / f"{name}.yaml"), warehouse_dsn, conn, server, folder)
        await run.go()
        conn.commit()
        vendor = run.spec.vendor.type
        phone, external_id, call_id = row(conn, TALKED, vendor)
        conn.commit()
        before, pages = contents(warehouse_dsn), archived(folder)
        assert mentions(pages, phone)
        assert phone in personal(warehouse_dsn)

        receipt = erase(warehouse_dsn, Archive(folder), phone, secret=SECRET, reference="letter 12")

        assert not mentions(archived(folder), phone)
        assert call_id not in archived(folder)
        assert f'"{external_id}"' not in archived(folder)
        assert not mentions(personal(warehouse_dsn), phone)
        assert list(receipt.counts) == list(PLACES)
        assert receipt.counts["archive pages"] >= 1
        assert receipt.counts["pii.dialog_turn"] >= 1
        assert receipt.counts["dwh.fact_call_attempt.record_url"] >= 1
        assert receipt.counts["pii.phone"] == receipt.counts["suppressions"] == 1
        assert [left["vendor"] for left in receipt.left_over["vendors"]] == [vendor]
        assert f"{vendor}:{call_id}" in receipt.left_over["qolio"]
        assert phone not in str(receipt)
        others_stay(before, contents(warehouse_dsn), call_id)
        assert not audit(conn, run.plan_id).failed
        conn.commit()

        again = erase(warehouse_dsn, Archive(folder), phone, secret=SECRET)
        assert set(again.counts.values()) == {0}

        # a later pull of the vendor's report has the person again
        async with run.dialer() as dialer:
            await pull_again(run, dialer, folder)
        assert mentions(archived(folder), phone)
        assert row(conn, SAID, call_id) == (0, None, False)
        conn.commit()
        with connect(warehouse_dsn) as other:
            other.autocommit = True
            assert erase_again(other, Archive(folder), secret=SECRET) == 1
            assert erase_again(other, Archive(folder), secret=SECRET) == 0
        assert not mentions(archived(folder), phone)

    after = contents(warehouse_dsn)
    results = replay(warehouse_dsn, Archive(folder), DAY, DAY, secret=SECRET)
    assert [(r.problem, r.inserted, r.updated) for r in results] == [(None, 0, 0)]
    assert contents(warehouse_dsn) == after
    assert not audit(conn, run.plan_id).failed
    conn.commit()

    conn.execute("drop schema dwh cascade; truncate pii.dialog_turn; commit")
    assert [r.problem for r in replay(warehouse_dsn, Archive(folder), DAY, DAY, secret=SECRET)] == [None]
    assert not mentions(personal(warehouse_dsn), phone)
    rebuilt = contents(warehouse_dsn)
    assert {r[1] for r in after["dwh.fact_call_attempt"]} - {r[1] for r in rebuilt["dwh.fact_call_attempt"]} >= {
        call_id
    }
    assert rebuilt["pii.dialog_turn"] == after["pii.dialog_turn"]


async def pull_again(run: Run, dialer: Any, folder: Path) -> None:
    from obzvon.ledger.intents import intents_of
    from obzvon.ledger.states import IntentState
    from obzvon.warehouse.db import connect_async

    collector = Collector(run.dsn, Archive(folder), dialer, run.spec, SECRET, "run")
    async with await connect_async(run.dsn) as conn:
        for batch_no in run.batches:
            for intent in await intents_of(conn, run.plan_id, batch_no, [IntentState.FINAL, IntentState.FINAL_PARTIAL]):
                await collector.pull(intent, "late")


def others_stay(before: dict[str, list[tuple[Any, ...]]], after: dict[str, list[tuple[Any, ...]]], call: str) -> None:
    """Only the tables that hold the person changed, and of the facts only that person's rows, none of them lost."""
    assert {table for table in before if before[table] != after[table] and not table.startswith("mart.")} <= ERASED
    assert len(before["dwh.fact_call_attempt"]) == len(after["dwh.fact_call_attempt"])
    changed = set(before["dwh.fact_call_attempt"]) - set(after["dwh.fact_call_attempt"])
    assert call in {fact[1] for fact in changed}
    assert len({fact[3] for fact in changed}) == 1  # one contact_key
    assert len(before["pii.contact_payload"]) - len(after["pii.contact_payload"]) >= 1
