"""One call date in a real Airflow: its runs, its people, the person who answers questions."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from real_airflow import SPEED, World

from faults.campaigns import BATCH, CHUNK, ROOT, people
from faults.cases import Script
from obzvon.ledger.keys import plan_id, zone_label
from obzvon.local.airflow_api import Run
from obzvon.stages.settle import Choice

COLUMNS = {name: ["Телефон", "ID", "ФИО", "Часовой пояс"] for name in ("demo_dialog", "demo_twin")}
LIMITS = {"chunk_size": CHUNK, "candidate_batch": BATCH, "max_batches": 1}
#: Virtual seconds after the first dial at which some of a campaign's people are dialled and some are not.
SOME = 1.0
#: Nobody answers a question sooner than this. Airflow 3.3.2 takes an answer within a second of it for a fault of
#: the task and asks again (apache/airflow#67287).
READING = timedelta(seconds=5)


def write_campaigns(folder: Path) -> None:
    """The demo campaigns for 36 people in three vendor campaigns; `write_lists` says who they are."""
    folder.mkdir()
    for name, columns in COLUMNS.items():
        values = yaml.safe_load((ROOT / "include" / "campaigns" / f"{name}.yaml").read_text(encoding="utf-8"))
        source = {"type": "csv", "path": str(folder / f"{name}.csv")}
        words = ("phone", "contact_id", "full_name", "timezone")
        values["contacts"] = {"source": source, "columns": dict(zip(words, columns, strict=True))}
        values |= {"variables": {"name": {"column": columns[2]}}, "limits": LIMITS}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")


def write_lists(folder: Path, number: int) -> None:
    """Other people for every call date: who asks not to be called again is missed by no later one."""
    for name, columns in COLUMNS.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            out = csv.writer(stream, delimiter=";")
            out.writerow(columns)
            for one in people():
                person = f"{number}-{one['contact_id']}"
                phone = f"+7{916 + number}{one['phone_e164'][5:]}"
                out.writerow([phone, person, one["full_name"], zone_label(one["tz_offsets"])])


@dataclass(slots=True)
class Scene:
    """One call date under way.

    `stopped_after`: seconds from the click until the vendor had halted everything; `since`: the last request before it.
    """

    world: World
    day: date
    runs: dict[str, list[Run]]
    questions: dict[str, int] = field(default_factory=dict)
    stopped_after: dict[str, float] = field(default_factory=dict)
    since: int = 0

    @property
    def every_run(self) -> list[Run]:
        return [run for runs in self.runs.values() for run in runs]

    def plan(self, vendor: str) -> str:
        return plan_id(f"demo_{vendor}", self.day)

    def begin(self, scripts: Mapping[str, Script], *, frozen: bool) -> None:
        """Start a run with every vendor; in a frozen world nobody is dialled until `some_are_dialled`."""
        self.world.clock(speed=0 if frozen else SPEED)
        self.since = max((r["id"] for r in self.world.book("requests", bodies=False, limit=100_000)), default=0)
        for vendor in self.runs:
            if vendor in scripts:
                self.world.fault(**scripts[vendor])
        self.start()

    def looked_at(self, vendor: str) -> bool:
        """Whether a trigger has looked at a report of the vendor since the scene began."""
        path = {"dialog": "/report", "twin": "/cis/calls"}[vendor]
        return bool(self.world.book("requests", vendor=vendor, path=path, after=self.since, bodies=False, limit=1))

    def start(self) -> None:
        """One more run with every vendor."""
        for vendor, runs in self.runs.items():
            runs.extend(self.world.start(self.day, [f"campaign__demo_{vendor}"]))

    def some_are_dialled(self) -> None:
        """Virtual time goes on a little: some people are dialled, others wait."""
        self.world.clock(speed=0, advance_seconds=SOME)

    def stops(self, vendor: str) -> list[tuple[str | None, str | None]]:
        """Cause and outcome of every stop of the plan's campaigns."""
        query = (
            "select distinct stop_cause, stop_outcome from ops.campaign_intent"
            " where plan_id = %s and stop_cause is not null"
        )
        return self.world.rows(query, self.plan(vendor))  # type: ignore[return-value]

    def stopped(self, vendor: str) -> bool:
        """Whether every stop that was asked for has come to its end."""
        return bool(found := self.stops(vendor)) and all(outcome for _, outcome in found)

    def halted(self) -> bool:
        """Whether every campaign of the day at TWIN is halted."""
        return {c["status"] for c in self.world.campaigns("twin", self.day)} == {"HALTED"}

    def finish(self) -> dict[str, str]:
        """Faults end and time goes on; the runs come to their end, a person answers what is asked. Vendor -> state."""
        self.world.mend()
        self.world.clock(speed=SPEED)
        self.world.until(self._finished, "the runs end", 300)
        return {vendor: self._worst(runs) for vendor, runs in self.runs.items()}

    def _worst(self, runs: Sequence[Run]) -> str:
        states = {self.world.api.run(run.dag_id, run.run_id).state for run in runs}
        return "success" if states == {"success"} else "failed"

    def _finished(self) -> bool:
        if not all(service.running for service in self.world.stack.services):
            self.world.stack.up()  # as a service manager would: a scheduler that loses its database ends
        for vendor, runs in self.runs.items():
            for run in runs:
                self._answer(vendor, run)
        return all(self.world.api.run(run.dag_id, run.run_id).finished for run in self.every_run)

    def _answer(self, vendor: str, run: Run) -> None:
        """Say what somebody sees in the cabinet to every question that is open."""
        path = f"/dags/{run.dag_id}/dagRuns/{quote(run.run_id)}"
        asked = self.world.api.ask("GET", f"{path}/hitlDetails", params={"response_received": False}).json()
        for question in asked["hitl_details"]:
            task = question["task_instance"]
            asked_at = datetime.fromisoformat(question["created_at"])
            if task["state"] == "awaiting_input" and datetime.now(UTC) - asked_at > READING:
                said = self._truth(vendor, question["body"])
                where = f"{path}/taskInstances/{task['task_id']}/{task['map_index']}/hitlDetails"
                self.world.api.ask("PATCH", where, json=said)
                self.questions[vendor] = self.questions.get(vendor, 0) + 1

    def _truth(self, vendor: str, body: str) -> dict[str, Any]:
        marked = re.search(r"`(\[af:[0-9a-f]+\])`", body)
        ours = [c for c in self.world.campaigns(vendor, self.day) if marked and marked[1] in c["name"]]
        choice, vendor_id = (Choice.EXISTS, ours[0]["task_id"]) if ours else (Choice.ABSENT, "")
        return {"chosen_options": [str(choice)], "params_input": {"vendor_id": vendor_id}}

    def give_up(self) -> None:
        """Let go of runs that hang: the next play needs the DAGs."""
        self.world.mend()
        for run in self.every_run:
            path = f"/dags/{run.dag_id}/dagRuns/{quote(run.run_id)}"
            self.world.api.ask("PATCH", path, json={"state": "failed"})
