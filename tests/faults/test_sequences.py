"""Random sequences of faults, deaths, restarts and people over ledger and sandbox: nobody twice, nothing lost."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from faults import page
from faults.campaigns import PAGE, VENDORS
from faults.cases import CANDIDATES, CREATE, HTML, LIST, LOGIN, LOOK, REPORT
from faults.judge import IN_THE_END
from faults.mortal import Executioner, Work
from faults.sizes import SEQUENCES, WHOLE
from faults.stages import Stages, nine
from faults.watch import Watch
from faults.world import Books, until
from obzvon.errors import ObzvonError
from obzvon.ledger.doubts import Subject, not_of_others
from obzvon.ledger.keys import marker
from obzvon.local.postgres import Postgres
from obzvon.sandbox.process import Sandbox, running_sandbox
from obzvon.stages.settle import Answer, Choice, Question
from obzvon.warehouse.db import connect_async

pytestmark = [pytest.mark.stack, pytest.mark.timeout(7200 if WHOLE else 300)]
STEPS, ROUNDS, LOOKS = 20, 8, 40
_JSON = {"content_type": "application/json"}

QOLIO = {"vendor": "qolio", "method": "POST", "path": "/phone_calls$"}
#: Requests by what they are for, for each vendor that has them.
TARGETS = {
    "login": LOGIN,
    "create": CREATE,
    "candidates": CANDIDATES,
    "list": {"twin": LIST},
    "look": LOOK,
    "report": REPORT,
    "deliver": dict.fromkeys(VENDORS, QOLIO),
}
FAULTS: dict[str, dict[str, Any]] = {
    "drop_before": {"do": "drop_before"},
    "drop_after": {"do": "drop_after"},
    "html_502_after": {"do": "answer", "status": 502, "body": HTML, "handled": True},
    "html_500": {"do": "answer", "status": 500, "body": HTML},
    "html_200": {"do": "answer", "status": 200, "body": HTML},
    "wrong_json": {"do": "answer", "status": 200, "body": '{"items": [{"id": ', **_JSON},
    "truncate": {"do": "truncate"},
    "truncated_gzip": {"do": "truncated_gzip"},
    "reset": {"do": "reset"},
    "too_many": {"do": "too_many", "retry_after": 1},
    "hold": {"do": "hold"},
    "hold_before": {"do": "hold_before"},
    "delay": {"do": "delay", "delay": 0.6},
    "token_death": {"do": "token_death"},
    "lose_items": {"do": "lose_items"},
}
#: Requests in whose middle a worker may die, and the stage that sends them.
IN_FLIGHT = {"create": "launch", "candidates": "launch", "look": "wait", "report": "collect", "deliver": "deliver"}
BATCHES = st.sampled_from([0, 1])
#: As often as they matter: most of what can go wrong goes wrong at the launch.
REQUESTS = st.sampled_from([*TARGETS, *["create"] * 2, *["candidates"] * 4])
STAGES = st.sampled_from(
    [*["launch"] * 4, *["settle"] * 2, "launch_twice", "answer", "wait", "collect", "deliver", "stop"]
)  # fmt: skip


class Theatre:
    """What outlives a sequence: a database server, a sandbox, a planned warehouse for each vendor to copy."""

    def __init__(self, folder: Path, postgres: Postgres, template: str, sandbox: Sandbox) -> None:
        self.folder, self.postgres, self.sandbox = folder, postgres, sandbox
        self.books = Books(sandbox)
        self.maintenance = psycopg.connect(postgres.url("postgres"), autocommit=True)
        self.numbers = itertools.count(1)
        self.planned = {vendor: self._planned(vendor, template) for vendor in VENDORS}

    def close(self) -> None:
        self.books.close()
        self.maintenance.close()

    def stages(self, vendor: str) -> Stages:
        """A fresh sequence."""
        name = f"sequence_{next(self.numbers)}"
        before = self.planned[vendor]
        self.postgres.create_database(name, template=f"sequences_{vendor}")
        self.books.no_faults()
        self.books.tell("reset")
        self.books.tell("clock", {"speed": 0})
        return Stages(
            vendor, self.postgres.url(name), self.books, self.sandbox.base_url, self.folder / name,
            before.plan_id, before.batches,
        )  # fmt: skip

    def _planned(self, vendor: str, template: str) -> Stages:
        name = f"sequences_{vendor}"
        self.postgres.create_database(name, template=template)
        made = Stages(vendor, self.postgres.url(name), self.books, "", self.folder)
        made.plan()
        return made


class Sequence(RuleBasedStateMachine):
    """One campaign whose vendor, workers, users and person on call do what hypothesis thinks of."""

    theatre: ClassVar[Theatre]
    played: ClassVar[int] = 0
    steps: ClassVar[int] = 0
    deaths: ClassVar[int] = 0

    @initialize(vendor=st.sampled_from(VENDORS))
    def begin(self, vendor: str) -> None:
        self.stages = self.theatre.stages(vendor)
        self.books, self.name = self.theatre.books, self.stages.folder.name
        self.conn = psycopg.connect(self.stages.dsn, autocommit=True, application_name="faults")
        self.watch = Watch(self.books, self.stages, self.conn)
        self.executioner = Executioner(self.theatre.maintenance, self.name)

    # --- what goes wrong

    @rule(
        request=REQUESTS,
        fault=st.sampled_from([*FAULTS, *["delay", "drop_after"] * 2]),
        skip=st.integers(0, 2),
        times=st.integers(1, 3),
    )
    def arm(self, request: str, fault: str, skip: int, times: int) -> None:
        """The vendor will do something wrong."""
        script = TARGETS[request].get(self.stages.vendor)
        if script and (fault != "lose_items" or request == "candidates"):
            self.books.tell("faults", {**script, **FAULTS[fault], "skip": skip, "times": times})

    @rule(stage=STAGES, batch=BATCHES, awaits=st.integers(1, 90), ticks=st.integers(0, 4))
    def die(self, stage: str, batch: int, awaits: int, ticks: int) -> None:
        """A worker dies in the middle of a stage."""
        type(self).deaths += self.executioner.run_and_kill(self._work(stage, batch), awaits, ticks)
        self._arrived()

    @rule(request=st.sampled_from(sorted(IN_FLIGHT)), handled=st.booleans(), skip=st.integers(0, 1), batch=BATCHES)
    def die_in_flight(self, request: str, handled: bool, skip: int, batch: int) -> None:
        """A worker dies while it waits for an answer: the vendor has done what was asked, or never gets to it."""
        work = self._work(IN_FLIGHT[request], batch)
        if script := TARGETS[request].get(self.stages.vendor):
            self.books.tell("faults", {**script, "do": "hold" if handled else "hold_before", "skip": skip})
        type(self).deaths += self.executioner.run_and_kill_when(work, lambda: self.books.look("held"))
        self._arrived()

    # --- workers

    @rule(stage=STAGES, batch=BATCHES)
    def run(self, stage: str, batch: int) -> None:
        """A task runs, for the first time or again."""
        self._run(self._work(stage, batch))

    @rule(batch=BATCHES)
    def go_on(self, batch: int) -> None:
        """The tasks of a batch one after the other."""
        for stage in ("launch", "settle", "launch", "wait", "collect"):
            self._run(self._work(stage, batch))

    @rule()
    def plan_again(self) -> None:
        """The run is cleared, or another one is triggered for the same date."""
        self.stages.plan()

    # --- people and time

    @rule(seconds=st.sampled_from([60, 1800, 14_400, 36_000]))
    def time_passes(self, seconds: int) -> None:
        self.books.tell("clock", {"advance_seconds": seconds})

    @rule(person=st.sampled_from(nine()))
    def opt_out(self, person: dict[str, Any]) -> None:
        """Somebody asks not to be called any more."""
        self.conn.execute(
            "insert into ops.suppression (phone_key, reason, source, valid_from) values (%s, 'asked', 'crm', now())"
            " on conflict do nothing",
            (person["phone_key"],),
        )
        self.watch.opted_out.setdefault(person["phone_e164"].removeprefix("+"), datetime.now(UTC))

    @rule(off=st.booleans())
    def kill_switch(self, off: bool) -> None:
        self.stages.off = off

    @rule()
    def leave_it(self) -> None:
        """Whoever is asked does not know."""
        for question in list(self.stages.questions.values()):
            self._run(self.stages.answer(question, _said(Choice.LEAVE)))

    # --- what must hold

    @invariant()
    def holds(self) -> None:
        type(self).steps += 1
        if hasattr(self, "watch"):
            self.watch.after_a_step()

    def teardown(self) -> None:
        if not hasattr(self, "watch"):
            return
        try:
            if sys.exc_info()[0] is None:
                self._to_the_end()
                type(self).played += 1
        finally:
            self.conn.close()
            self.theatre.postgres.drop_database(self.name)

    def _to_the_end(self) -> None:
        """Nothing goes wrong any more, everybody answers, and the run is carried on until nothing is left to do."""
        self._arrived()
        self.watch.note_faults()
        self.books.no_faults()
        self.stages.off, self.stages.calm = False, True
        before: list[Any] = []
        for _ in range(ROUNDS):
            for number in range(len(self.stages.batches)):
                for stage in ("launch", "settle", "answer"):
                    self._run(self._work(stage, number))
            states = self.conn.execute("select intent_id, state, note from ops.campaign_intent order by 1").fetchall()
            if states == before:
                break
            before = states
        self.watch.after_a_step()
        for batch in self.stages.batches:
            self._run(self.stages.wait(batch, LOOKS))
            self._run(self.stages.wait(batch, 1, over=True))  # a stopped campaign without contacts never reports
            self._run(self.stages.collect(batch))
        self._run(self.stages.deliver())
        self.books.tell("clock", {"advance_seconds": IN_THE_END})
        self.watch.after_a_step()
        self.watch.in_the_end()

    # --- means

    def _work(self, stage: str, batch: int) -> Work:
        if stage == "wait":
            return self.stages.wait(self.stages.batches[batch], 3)
        if stage == "answer":
            return self._answer()
        work: Work = getattr(self.stages, stage)(self.stages.batches[batch])
        return work

    @staticmethod
    def _run(work: Work) -> None:
        with suppress(ObzvonError):  # a red task
            asyncio.run(work)

    def _arrived(self) -> None:
        """Wait until the vendor is done with every request that has left."""
        hits = sum(script["hits"] for script in self.books.look("faults"))
        until(lambda: self._journaled() >= hits, "a request that was struck never came through")

    def _journaled(self) -> int:
        return sum(bool(entry["fault"]) for entry in self.books.look("requests", bodies=False, limit=100_000))

    async def _answer(self) -> None:
        """The person on call looks into the vendor's cabinet and answers what is asked."""
        self._arrived()
        for question in list(self.stages.questions.values()):
            await self.stages.answer(question, await self._truth(question))

    async def _truth(self, question: Question) -> Answer:
        doubt, mark = question.doubt, marker(question.doubt.intent.intent_id)
        shown = {one["task_id"]: one["contacts"] for one in self.books.look("campaigns") if mark in one["name"]}
        if doubt.subject is Subject.CREATION:
            async with await connect_async(self.stages.dsn) as conn:
                ours = await not_of_others(conn, doubt.intent, list(shown))
            return _said(Choice.EXISTS, ours[0]) if ours else _said(Choice.ABSENT)
        known = {doubt.before: Choice.ABSENT, doubt.before + doubt.batch: Choice.EXISTS}
        return _said(known.get(shown[doubt.intent.vendor_task_id or ""], Choice.LEAVE))


def _said(choice: Choice, task_id: str | None = None) -> Answer:
    return Answer(choice, "the person on call", datetime.now(UTC), task_id)


@pytest.fixture
def theatre(tmp_path: Path, postgres: Postgres, warehouse_template: str) -> Iterator[Theatre]:
    options = {"speed": 0, "page_cap": PAGE, "dialog_token_seconds": 600, "twin_token_seconds": 600}
    with running_sandbox(tmp_path / "sandbox", **options) as sandbox:
        made = Theatre(tmp_path, postgres, warehouse_template, sandbox)
        yield made
        made.close()


def test_whatever_happens_in_whatever_order_nobody_is_dialled_twice_and_nothing_is_lost(theatre: Theatre) -> None:
    Sequence.theatre = theatre
    Sequence.played = Sequence.steps = Sequence.deaths = 0
    began, failures = time.monotonic(), 1
    try:
        run_state_machine_as_test(Sequence, settings=SETTINGS)
        failures = 0
    finally:
        _tell(time.monotonic() - began, failures)
    assert Sequence.played >= SEQUENCES


SETTINGS = settings(
    max_examples=SEQUENCES,
    stateful_step_count=STEPS,
    derandomize=True,
    database=None,
    deadline=None,
    # twenty steps are short enough to be read: shrinking them takes minutes, for races in vain
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def _tell(seconds: float, failures: int) -> None:
    line = {
        "sequences": Sequence.played,
        "steps": Sequence.steps,
        "deaths": Sequence.deaths,
        "seconds": round(seconds),
        "failures": failures,
        "date": datetime.now(UTC).date().isoformat(),
    }
    print(f"\n{line}")
    if WHOLE:
        page.path("sequences").write_text(f"{json.dumps(line)}\n", encoding="utf-8")
