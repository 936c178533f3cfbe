"""What happens to runs in a real Airflow, as data: what strikes, when, and what it may cost each vendor.

A play is one call date: the small campaigns of both dialers run at once, and the same thing happens to both. Each
vendor's part of it is a line of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from faults import airflow_acts as act
from faults.airflow_scene import Scene
from faults.cases import CANDIDATES, CREATE, REPORT, Script
from obzvon.stages.stop import StopCause

__all__ = ["Costs", "Play", "every"]

Step = Callable[[Scene], object]
VENDORS = ("dialog", "twin")


@dataclass(frozen=True, slots=True)
class Costs:
    """What a line may say. Nobody dialled twice, nothing lost, no record doubled: that is never different.

    `stop`: cause and outcome of the stop as the ledger has it.
    """

    person: int = 0
    ended: str = "success"
    stop: str | None = None


@dataclass(frozen=True, slots=True)
class Play:
    """At its moment it strikes. `on`: goes on with the finished runs of that play instead of new ones."""

    fault: str
    point: str
    moment: Step
    strike: Step
    scripts: Mapping[str, Script] = field(default_factory=dict)
    costs: Mapping[str, Costs] = field(default_factory=dict)
    frozen: bool = False
    on: str | None = None

    @property
    def name(self) -> str:
        return f"{self.fault}-{self.point}"

    def case(self, vendor: str) -> str:
        """The name of a vendor's line in the table."""
        return f"{vendor}-{self.name}"

    def wanted(self, vendor: str) -> dict[str, Any]:
        """What the line of a vendor must say."""
        costs = self.costs.get(vendor, Costs())
        never = dict.fromkeys(("twice", "lost", "invented", "qolio_doubled", "orphaned_dials", "orphaned"), 0)
        return {**never, "person": costs.person, "ended": costs.ended, "stop": costs.stop}


def _hold(request: Script, **more: Any) -> Script:
    return {**request, "do": "hold", **more}


#: The second campaign of each run is created, but not answered: whoever sends it is in doubt when it dies.
CREATED = {vendor: _hold(CREATE[vendor], skip=1) for vendor in VENDORS}
#: Half-way through a launch: TWIN has taken a second batch of contacts, Dialog a second campaign; neither has answered.
FILLING = {"dialog": CREATED["dialog"], "twin": _hold(CANDIDATES["twin"], skip=1)}
COLLECTING = {vendor: _hold(REPORT[vendor]) for vendor in VENDORS}
ASKED = {"dialog": Costs(person=1)}


def _stopped(cause: StopCause, **more: Any) -> dict[str, Costs]:
    """TWIN is halted and says so; Dialog cannot be, and the ledger says that. `more` is about Dialog."""
    return {
        "dialog": Costs(stop=f"{cause}: not_possible", **more),
        "twin": Costs(stop=f"{cause}: confirmed"),
    }


def every() -> list[Play]:
    """All plays, in the order of the table."""
    return [*_deaths(), *_clicks(), *_again()]


def _deaths() -> list[Play]:
    return [
        Play("kill_task", "create_accepted", act.held, act.kill_launch, CREATED, ASKED),
        Play("kill_scheduler", "create_accepted", act.held, act.kill_scheduler, CREATED, ASKED),
        Play("kill_scheduler", "wait", act.deferred, act.kill_scheduler, frozen=True),
        Play("kill_triggerer", "wait", act.deferred, act.kill_triggerer, frozen=True),
        Play("kill_airflow", "wait", act.deferred, act.kill_all, frozen=True),
        Play("kill_airflow", "report", act.held, act.kill_all, COLLECTING),
        Play("pg_crash", "wait", act.deferred, act.crash_postgres, frozen=True),
        Play("shut_down", "launch", act.held, act.shut_down, FILLING),
    ]


def _clicks() -> list[Play]:
    user, switch = _stopped(StopCause.USER), _stopped(StopCause.KILL_SWITCH)
    filling = _stopped(StopCause.USER, person=1)
    return [
        Play("mark_failed", "launch", act.held, act.fail_launch, FILLING, filling),
        Play("mark_failed", "wait", act.deferred, act.fail_wait, costs=user, frozen=True),
        Play("clear_task", "wait", act.deferred, act.clear_wait, costs=user, frozen=True),
        Play("kill_switch", "wait", act.deferred, act.switch_off, costs=switch, frozen=True),
    ]


def _again() -> list[Play]:
    first = Play("two_runs", "at_once", act.nothing, act.run_again)
    return [
        first,
        Play("clear_task", "ended", act.nothing, act.clear_launch, on=first.name),
        Play("clear_run", "ended", act.nothing, act.clear_run, on=first.name),
        Play("second_run", "ended", act.backfill_is_refused, act.run_again, on=first.name),
    ]
