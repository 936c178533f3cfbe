"""The task `approve`: when it asks, what the question binds, and what each answer does."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import CreateHITLDetailPayload, HITLDetailRequestResult
from approving import asking, campaign, planned

from obzvon.stages.approve import Decision, approval_of, ask, decide
from obzvon_provider.operators.approve import NOBODY, ApproveOperator, Said

AT = datetime(2031, 5, 19, 13, 30, tzinfo=UTC)
OLGA = {"id": "7", "name": "olga"}


class Server:
    """Airflow's server as a task sees it: a question that a task once asked stays as it was."""

    def __init__(self) -> None:
        self.shown: HITLDetailRequestResult | None = None

    def send(self, msg: Any) -> Any:
        assert isinstance(msg, CreateHITLDetailPayload)
        asked = msg.model_dump(exclude={"type"})
        self.shown = self.shown or HITLDetailRequestResult.model_validate(asked)
        return self.shown


@pytest.fixture
def server(warehouse_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Server:
    where = urlsplit(warehouse_dsn)
    extra = {name: values[0] for name, values in parse_qs(where.query).items()}
    warehouse = {"conn_type": "postgres", "login": where.username, "schema": where.path[1:], "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(warehouse))
    server = Server()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", server, raising=False)
    return server


def context() -> Any:
    ti = SimpleNamespace(id=uuid4())
    return {"ti": ti, "task_instance": ti, "run_id": "run-1"}


def approve(plan_id: str) -> ApproveOperator:
    return ApproveOperator(task_id="approve", plan_id=plan_id)


def parked(plan_id: str) -> TaskAwaitingInput:
    with pytest.raises(TaskAwaitingInput) as waiting:
        approve(plan_id).execute(context())
    return waiting.value


def event(said: Said, by: dict[str, str] | None = OLGA) -> dict[str, Any]:
    return {"chosen_options": [str(said)], "params_input": {}, "responded_at": AT, "responded_by_user": by}


def stored(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    return conn.execute("select decision, decided_by, decided_at from ops.plan_approval").fetchall()


def test_where_nobody_has_to_be_asked_it_goes_on(server: Server, conn: psycopg.Connection) -> None:
    plan = planned(conn, 7, spec=campaign(approval={"when": "never"})).plan_id
    assert approve(plan).execute(context()) == plan
    assert server.shown is None


def test_the_question_shows_the_document_and_carries_the_hash(server: Server, conn: psycopg.Connection) -> None:
    summary = planned(conn, 7, spec=asking())
    waiting = parked(summary.plan_id)
    assert waiting.kwargs == {"plan_hash": summary.plan_hash}
    assert timedelta(hours=1, minutes=59) < waiting.timeout <= timedelta(hours=2)
    assert server.shown is not None
    assert server.shown.subject.startswith("Call 7 contacts by Dialog on 20.05.2031? test_campaign: 14 dials at most")
    assert "| To call | 7 of 7 contacts" in (server.shown.body or "")
    assert (server.shown.options, server.shown.defaults) == (["Call them", "Do not call"], ["Do not call"])
    assert stored(conn) == [(None, None, None)]


def test_a_yes_goes_on_and_is_not_asked_for_twice(server: Server, conn: psycopg.Connection) -> None:
    summary = planned(conn, 7, spec=asking())
    waiting = parked(summary.plan_id)
    told = approve(summary.plan_id).execute_complete(context(), event(Said.CALL), **waiting.kwargs)
    assert told == summary.plan_id
    assert stored(conn) == [("approved", "olga", AT)]
    conn.commit()
    assert approve(summary.plan_id).execute(context()) == summary.plan_id
    assert stored(conn) == [("approved", "olga", AT)]


def test_a_no_skips_and_says_who_even_when_it_is_run_again(server: Server, conn: psycopg.Connection) -> None:
    summary = planned(conn, 7, spec=asking())
    waiting = parked(summary.plan_id)
    said = "olga said no at 2031-05-19 13:30 UTC: nobody is called; to be asked again, start a new run"
    with pytest.raises(AirflowSkipException, match=said):
        approve(summary.plan_id).execute_complete(context(), event(Said.DO_NOT_CALL), **waiting.kwargs)
    assert stored(conn) == [("rejected", "olga", AT)]
    conn.commit()
    with pytest.raises(AirflowSkipException, match=said):
        approve(summary.plan_id).execute(context())


@pytest.mark.parametrize("said", list(Said))
def test_without_a_person_there_is_no_yes(server: Server, conn: psycopg.Connection, said: Said) -> None:
    summary = planned(conn, 7, spec=asking())
    waiting = parked(summary.plan_id)
    with pytest.raises(AirflowFailException, match="nobody answered until 2031-05-19 13:30 UTC: nobody is called"):
        approve(summary.plan_id).execute_complete(context(), event(said, by=None), **waiting.kwargs)
    assert stored(conn) == [("timed_out", NOBODY, AT)]
    assert conn.execute("select sum(held) from ops.attempt_reservation").fetchone() == (0,)


def test_an_answer_about_an_earlier_plan_counts_for_nothing(server: Server, conn: psycopg.Connection) -> None:
    waiting = parked(planned(conn, 7, spec=asking()).plan_id)
    again = planned(conn, 6, spec=asking())
    with pytest.raises(AirflowFailException, match="by now or was decided otherwise: start a new run"):
        approve(again.plan_id).execute_complete(context(), event(Said.CALL), **waiting.kwargs)
    assert not approval_of(conn, again.plan_id).stands


def test_the_question_about_an_earlier_plan_is_never_left_standing_for_a_new_one(
    server: Server, conn: psycopg.Connection
) -> None:
    parked(planned(conn, 7, spec=asking()).plan_id)
    again = planned(conn, 6, spec=asking())
    with pytest.raises(AirflowFailException, match=f"plan {again.plan_hash[:12]} is not the one that this task asked"):
        approve(again.plan_id).execute(context())


def test_a_yes_behind_which_something_changed_is_asked_for_again(server: Server, conn: psycopg.Connection) -> None:
    summary = planned(conn, 7, spec=asking())
    ask(conn, summary.plan_id, "run-1")
    decide(conn, summary.plan_id, summary.plan_hash, Decision.APPROVED, "olga", AT)
    conn.execute("update pii.contact_payload set variables = '{}' where row_no = 3")
    conn.commit()
    parked(summary.plan_id)
    assert stored(conn) == [(None, None, None)]


def test_when_it_is_too_late_to_call_nobody_is_asked(server: Server, conn: psycopg.Connection) -> None:
    summary = planned(conn, 7, spec=asking(), day=date(2021, 5, 20))
    with pytest.raises(AirflowFailException, match="nobody answered until 2021-05-20 16:30 UTC"):
        approve(summary.plan_id).execute(context())
    assert server.shown is None
    assert stored(conn)[0][0] == "timed_out"
