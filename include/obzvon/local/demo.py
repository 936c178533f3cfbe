"""`make demo`: both demo campaigns from list to Qolio through Airflow's REST API, as a user would start them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
from rich.console import Console

from obzvon.errors import ObzvonError
from obzvon.ledger.keys import plan_id
from obzvon.local.airflow_api import AirflowApi, Run
from obzvon.local.failures import failures
from obzvon.local.progress import Progress, Snapshot, snapshot
from obzvon.local.stack import Stack
from obzvon.local.summary import print_summary

__all__ = ["CAMPAIGNS", "Demo", "DemoError", "run_demo"]

CAMPAIGNS = ("demo_dialog", "demo_twin")
#: Every zone's window of tomorrow is still ahead, at any hour of the day.
CALL_ZONE = ZoneInfo("Europe/Moscow")
DAG_SECONDS, RUN_SECONDS, POLL_SECONDS = 120, 1200, 2.0


class DemoError(ObzvonError):
    """The demo cannot go on."""


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo campaign on one call date."""

    campaign: str
    call_date: date

    @property
    def dag_id(self) -> str:
        return f"campaign__{self.campaign}"

    @property
    def plan(self) -> str:
        return plan_id(self.campaign, self.call_date)


def run_demo(stack: Stack, console: Console, *, keep: bool = False) -> int:
    """Run it all; 0 only if every run succeeded, every audit check holds and the sandbox agrees to the row.

    A stack that was not running before is stopped at the end unless `keep`.
    """
    since = datetime.now(UTC)
    started = stack.up()
    try:
        return _run(stack, console, since if started else None, stays=keep or not started)
    finally:
        if started and not keep:
            stack.down()


def _run(stack: Stack, console: Console, since: datetime | None, *, stays: bool) -> int:
    call_date = datetime.now(CALL_ZONE).date() + timedelta(days=1)
    demos = [Demo(campaign, call_date) for campaign in CAMPAIGNS]
    with stack.api() as api, stack.connect() as conn:
        _wait_for_dags(api, [demo.dag_id for demo in demos], since)
        console.print(f"\nCalling tomorrow, {call_date}: {' and '.join(demo.dag_id for demo in demos)}", soft_wrap=True)
        _say_if_launched(conn, demos, console)
        runs = _follow(api, conn, demos, [_start(api, demo) for demo in demos], console)
        agrees = print_summary(conn, [(d.campaign, d.plan) for d in demos], stack, console, stays=stays)
        succeeded = [_succeeded(api, run, stack, console) for run in runs]
    well = agrees and all(succeeded)
    console.print("\nEvery run succeeded and every number agrees." if well else "\nThe demo failed, see above.")
    return 0 if well else 1


def _start(api: AirflowApi, demo: Demo) -> Run:
    api.unpause(demo.dag_id)
    return api.trigger(demo.dag_id, {"call_date": demo.call_date.isoformat()})


def _succeeded(api: AirflowApi, run: Run, stack: Stack, console: Console) -> bool:
    """Say what failed in a run, in the task's own words."""
    for failure in failures(api, run, stack.home.task_logs):
        console.print(f"\nfailed: {failure.task}: {failure.error}\n  log: {failure.log}", markup=False, soft_wrap=True)
    return run.state == "success"


def _wait_for_dags(api: AirflowApi, dag_ids: list[str], since: datetime | None) -> None:
    """Until the DAG processor has read the files as they are now."""
    until = time.monotonic() + DAG_SECONDS
    while time.monotonic() < until:
        parsed = api.dags()
        if all((at := parsed.get(dag_id)) and (since is None or at >= since) for dag_id in dag_ids):
            return
        time.sleep(POLL_SECONDS)
    errors = "".join(f"\n{name}:\n{text.strip()}" for name, text in api.import_errors().items())
    cause = errors or "; see the log of the dag-processor (`make status`)"
    raise DemoError(f"Airflow shows no DAG {' or '.join(dag_ids)} after {DAG_SECONDS} s{cause}")


_LAUNCHED = "select coalesce(sum(contacts_sent), 0) from ops.campaign_intent where plan_id = %s and state <> 'planned'"


def _say_if_launched(conn: psycopg.Connection, demos: list[Demo], console: Console) -> None:
    for demo in demos:
        (sent,) = conn.execute(_LAUNCHED, [demo.plan]).fetchone() or (0,)
        if sent:
            said = f"  {demo.campaign} was launched for this date before ({sent} contacts): nobody is dialled again"
            console.print(said, soft_wrap=True)


def _follow(
    api: AirflowApi, conn: psycopg.Connection, demos: list[Demo], runs: list[Run], console: Console
) -> list[Run]:
    """Show progress until every run has ended."""
    until = time.monotonic() + RUN_SECONDS
    with Progress(console) as progress:
        while True:
            seen: list[Snapshot] = [
                snapshot(api, conn, d.campaign, d.plan, r) for d, r in zip(demos, runs, strict=True)
            ]
            progress.show(seen)
            runs = [look.run for look in seen]
            if all(run.finished for run in runs):
                return runs
            if time.monotonic() > until:
                raise DemoError(f"the runs have not ended after {RUN_SECONDS // 60} minutes; look at {api.base_url}")
            time.sleep(POLL_SECONDS)
