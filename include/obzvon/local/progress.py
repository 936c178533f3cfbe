"""Progress of campaign runs at a terminal: stages from Airflow, contacts and calls from the warehouse."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import psycopg
from rich.console import Console
from rich.live import Live
from rich.table import Table

from obzvon.local.airflow_api import AirflowApi, Run, TaskInstance

__all__ = ["STAGES", "Counts", "Progress", "Snapshot", "Stage", "snapshot", "stages"]

STAGES = ("plan", "approve", "launch", "wait", "collect", "deliver", "audit")
_AHEAD = frozenset({None, "scheduled", "no_status"})

_COUNTS = """
select p.contacts_total, p.contacts_to_call,
       (select coalesce(sum(i.contacts_accepted), 0) from ops.campaign_intent i where i.plan_id = p.plan_id),
       (select count(*) from dwh.fact_call_attempt f join ops.campaign_intent i using (intent_id)
        where i.plan_id = p.plan_id),
       (select count(*) from ops.qa_delivery q join ops.campaign_intent i using (intent_id)
        where i.plan_id = p.plan_id and q.state in ('SENT', 'VERIFIED'))
from ops.campaign_plan p where p.plan_id = %s
"""


class Look(StrEnum):
    """How a stage looks from outside."""

    AHEAD = "ahead"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    NOT_RUN = "not run"


_MARKS = {
    Look.AHEAD: "[dim]·[/]",
    Look.RUNNING: "[yellow]…[/]",
    Look.DONE: "[green]✓[/]",
    Look.SKIPPED: "[dim]skipped[/]",
    Look.FAILED: "[red]failed[/]",
    Look.NOT_RUN: "[dim]not run[/]",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a run; `done` of `total` task instances have ended well. Skipped ones had nothing to do: no part."""

    name: str
    look: Look
    done: int
    total: int

    def __str__(self) -> str:
        return f"{self.name} {self.look}" + (f" ({self.done} of {self.total})" if self.total > 1 else "")


@dataclass(frozen=True, slots=True)
class Counts:
    """People and calls of one plan, as the warehouse has them now."""

    contacts: int = 0
    to_call: int = 0
    accepted: int = 0
    calls: int = 0
    delivered: int = 0

    def __str__(self) -> str:
        sent = f"{self.to_call} of {self.contacts} to call, {self.accepted} accepted"
        return f"{sent}, {self.calls} calls, {self.delivered} at Qolio"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One campaign at one moment."""

    campaign: str
    run: Run
    stages: tuple[Stage, ...]
    counts: Counts


def snapshot(api: AirflowApi, conn: psycopg.Connection, campaign: str, plan: str, run: Run) -> Snapshot:
    """Look at a run and at its plan in the warehouse."""
    now = api.run(run.dag_id, run.run_id)
    row = conn.execute(_COUNTS, [plan]).fetchone()
    return Snapshot(campaign, now, stages(api.tasks(now)), Counts(*row) if row else Counts())


def stages(tasks: Sequence[TaskInstance]) -> tuple[Stage, ...]:
    """The stages of a run in the order of the pipeline; mapped tasks of one stage count together."""
    known = [(t.task_id.rpartition(".")[2], t.state) for t in tasks if not _nobody_in_doubt(t)]
    return tuple(_stage(name, [state for stage, state in known if stage == name]) for name in STAGES)


def _nobody_in_doubt(task: TaskInstance) -> bool:
    """True for the one task that Airflow shows of a `doubt` group while, or because, nothing is in doubt."""
    return task.task_id.startswith("doubt.") and task.map_index < 0


def _stage(name: str, states: list[str | None]) -> Stage:
    done, total = states.count("success"), len(states) - states.count("skipped")
    if "failed" in states:
        look = Look.FAILED
    elif "upstream_failed" in states:
        look = Look.NOT_RUN
    elif all(state in _AHEAD for state in states):
        look = Look.AHEAD
    elif all(state == "skipped" for state in states):
        look = Look.SKIPPED
    else:
        look = Look.DONE if done == total else Look.RUNNING
    return Stage(name, look, done, total)


class Progress:
    """A live table on a terminal; elsewhere one plain line for each change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._began = time.monotonic()
        self._said: dict[tuple[str, str], str] = {}

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, seen: Sequence[Snapshot]) -> None:
        """Bring what is shown up to date."""
        if self._live:
            self._live.update(self._table(seen), refresh=True)
        else:
            for look in seen:
                self._lines(look)

    def _table(self, seen: Sequence[Snapshot]) -> Table:
        numbers = ("to call", "accepted", "calls", "at Qolio")
        table = Table(
            title=f"{time.monotonic() - self._began:.0f} s", title_justify="left", box=None, padding=(0, 1, 0, 0)
        )
        table.add_column("campaign")
        for name in (*STAGES, *numbers):
            table.add_column(name, justify="right" if name in numbers else "center")
        for look in seen:
            marks = [_MARKS[s.look] + (f" {s.done}/{s.total}" if s.total > 1 else "") for s in look.stages]
            c = look.counts
            called = f"{c.to_call:,}/{c.contacts:,}"
            table.add_row(look.campaign, *marks, called, *(f"{n:,}" for n in (c.accepted, c.calls, c.delivered)))
        return table

    def _lines(self, look: Snapshot) -> None:
        for stage in look.stages:
            said = str(stage)
            before = self._said.setdefault((look.campaign, stage.name), f"{stage.name} {Look.AHEAD}")
            if stage.look is Look.AHEAD or said == before:
                continue
            self._said[look.campaign, stage.name] = said
            line = f"  {time.monotonic() - self._began:5.0f} s  {look.campaign}: {said}  [{look.counts}]"
            self._console.print(line, markup=False, soft_wrap=True)
