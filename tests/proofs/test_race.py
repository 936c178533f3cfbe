"""Two campaigns at two vendors, planned and launched at the same moment by two processes, share people and one cap."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import psycopg
import pytest
from faults.campaigns import PAGE
from faults.world import Books, until

from obzvon.sandbox.process import running_sandbox
from proofs.rival import Rival, Round, plan_once, rounds, run

ROUNDS = int(os.environ.get("OBZVON_RACE_ROUNDS", "20"))
#: Seconds that no round may take, however busy the machine is.
LONGEST = 30
pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
_RESERVED = """
select p.phone_e164, r.campaign_id, r.held, c.call_date
from ops.attempt_reservation r join pii.phone p using (phone_key) join ops.campaign_intent c using (intent_id)
"""
_DEADLOCKS = "select deadlocks from pg_stat_database where datname = current_database()"
_WAITS = """
select 1 from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock' and wait_event = %s
"""
_processes = multiprocessing.get_context("spawn")


def _answers(queue: Any, processes: list[Any]) -> list[tuple[str, int, float, int]]:
    """What both processes said; the error of one that died."""
    got, ended = [], 0
    while ended < len(processes):
        vendor, number, seconds, planned = queue.get(timeout=300)
        assert number != -1, f"{vendor}: {planned}"
        ended += number is None
        if number is not None:
            got.append((vendor, number, seconds, planned))
    for process in processes:
        process.join(60)
    return got


def test_however_two_plans_race_nobody_is_called_more_often_than_the_cap_allows(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    options = {"speed": 0, "page_cap": PAGE, "dialog_token_seconds": 3600, "twin_token_seconds": 3600}
    with running_sandbox(tmp_path / "sandbox", **options) as sandbox:
        queue, barrier = _processes.Queue(), _processes.Barrier(2)
        where = (sandbox.base_url, sandbox.state)
        rivals = [Rival(vendor, warehouse_dsn, where, tmp_path / vendor, ROUNDS) for vendor in ("dialog", "twin")]
        processes = [_processes.Process(target=run, args=(rival, barrier, queue)) for rival in rivals]
        began = time.monotonic()
        try:
            for process in processes:
                process.start()
            answers = _answers(queue, processes)
        finally:
            for process in processes:
                process.kill()
        books = Books(sandbox)
        books.tell("clock", {"advance_seconds": 5 * 86_400})
        dials = Counter(f"+{entry['phone'].removeprefix('+')}" for entry in books.look("dials") if entry["dialed"])
        given = defaultdict(set)
        for entry in books.look("dials"):
            given[f"+{entry['phone'].removeprefix('+')}"].add(entry["task_id"])
        books.close()
    first = Counter(max(of, key=lambda row: row[3])[0] for of in _by_round(answers).values())
    print(
        f"\n{len(answers)} plans in {ROUNDS} rounds, {time.monotonic() - began:.0f} s, dials {dials.total()}, {first}"
    )
    assert max(seconds for _, _, seconds, _ in answers) < LONGEST
    assert conn.execute(_DEADLOCKS).fetchone() == (0,)
    reserved = _reserved(conn)
    for of in rounds(ROUNDS):
        shared = set(of.phones("dialog")) & set(of.phones("twin"))
        for phone in {*of.phones("dialog"), *of.phones("twin")}:
            winners = of.winners if phone in shared else 1
            assert dials[phone] <= of.cap, f"round {of.number}: a phone was dialled {dials[phone]} times"
            assert sum(reserved[phone].values()) == winners * of.dials, f"round {of.number}: {reserved[phone]}"
            assert len(given[phone]) == winners, f"round {of.number}: {len(given[phone])} vendors have a phone"
    assert len(first) == 2, f"only {first} ever won: the two do not race"


def _by_round(answers: list[tuple[str, int, float, int]]) -> dict[int, list[tuple[str, int, float, int]]]:
    """The answers of the rounds in which only one could win."""
    alone = {of.number for of in rounds(ROUNDS) if of.winners == 1}
    found: dict[int, list[tuple[str, int, float, int]]] = defaultdict(list)
    for row in answers:
        if row[1] in alone:
            found[row[1]].append(row)
    return found


def _reserved(conn: psycopg.Connection) -> dict[str, Counter[str]]:
    """What each campaign reserved of each phone."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for phone, campaign, held, _ in conn.execute(_RESERVED):
        found[phone][campaign] += held
    return found


def test_a_planner_that_is_killed_while_it_decides_leaves_its_turn_and_the_phone_to_the_other(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    rivals = [Rival(vendor, warehouse_dsn, ("", tmp_path), tmp_path, 0) for vendor in ("dialog", "twin")]
    killed, other = (_processes.Process(target=plan_once, args=(rival, 0)) for rival in rivals)
    try:
        with psycopg.connect(warehouse_dsn) as holder, psycopg.connect(warehouse_dsn, autocommit=True) as watcher:
            holder.execute("lock table ops.campaign_plan in share mode")  # where a plan is replaced, its turn taken
            killed.start()
            until(lambda: watcher.execute(_WAITS, ("relation",)).fetchone(), "the first planner does not decide")
            other.start()
            until(lambda: watcher.execute(_WAITS, ("advisory",)).fetchone(), "the second planner waits for no turn")
            os.kill(killed.pid or 0, signal.SIGKILL)
            killed.join()
            holder.rollback()
        other.join(60)
        assert other.exitcode == 0
    finally:
        other.kill()
    plans = (
        "select p.campaign_id, r.held from ops.campaign_plan p left join ops.attempt_reservation r using (campaign_id)"
    )
    assert conn.execute(plans).fetchall() == [("race_twin", Round(0, 1, 0, 1, 1).dials)]
