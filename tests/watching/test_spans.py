"""Stages and vendor calls are spans: below the task's, with ids, status and repetitions, and without any body."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import psycopg
import pytest
from aiohttp import web
from airflow.sdk.execution_time import task_runner
from launching import NOW, PLAN, ScriptedDialer, plan_of, spec
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from vendors.vendor_world import vendor

from obzvon.errors import InDoubt, LedgerError, Refused
from obzvon.stages.canary import judge
from obzvon.stages.launch import Launcher, launch
from obzvon.telemetry import spans
from obzvon.vendors.http import Account, Patience, VendorSession
from obzvon.warehouse.db import connect_async


class Traced:
    """What an SDK in the process would export."""

    def __init__(self) -> None:
        self._exporter, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("tests")

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self._exporter.get_finished_spans()}


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traced]:
    found = Traced()
    # a process has one SDK for good, and other tests want none
    monkeypatch.setattr(spans, "_tracer", found.tracer)
    monkeypatch.setattr(task_runner, "tracer", found.tracer)
    return found


async def test_a_stage_is_a_child_of_the_task_s_span(
    warehouse_dsn: str, conn: psycopg.Connection, traced: Traced
) -> None:
    plan_of(conn, contacts=3)
    ti = SimpleNamespace(
        context_carrier=None, task_id="batch.launch", map_index=0, dag_id="d", run_id="r", try_number=1
    )  # fmt: skip
    with task_runner._make_task_span(SimpleNamespace(ti=ti)):  # type: ignore[arg-type]  (as Airflow's worker makes it)
        async with await connect_async(warehouse_dsn) as connection:
            await launch(Launcher(connection, ScriptedDialer(), spec(), "r", lambda: False, lambda: NOW), PLAN, 0)
    task, stage = traced.spans["worker.batch.launch[0]"], traced.spans["obzvon.launch"]
    assert stage.parent is not None
    assert stage.parent.span_id == task.context.span_id
    assert stage.attributes is not None
    assert dict(stage.attributes) == {
        "obzvon.campaign": "test_campaign", "obzvon.plan": PLAN[:8], "obzvon.batch": "0",
        "obzvon.contacts_sent": 3, "obzvon.running": 1,
    }  # fmt: skip


def test_a_stage_that_fails_is_a_failed_span_by_the_class_of_its_error(
    conn: psycopg.Connection, traced: Traced
) -> None:
    with pytest.raises(LedgerError):
        judge(conn, "0" * 64, "run-1")
    span = traced.spans["obzvon.canary"]
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "LedgerError")
    assert not span.events


async def test_a_vendor_call_is_a_span_with_status_and_repetitions(traced: Traced) -> None:
    answers = iter([503, 503, 200])

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"phone": "+79161234567"}, status=400 if request.method == "POST" else next(answers))

    async def at_once(seconds: float) -> None:
        assert seconds >= 0

    async with vendor(answer) as seen:
        account = Account(seen.url, "login", "password", None, {}, "twin_default")
        async with VendorSession("twin", account, patience=Patience(sleep=at_once)) as session:
            with traced.tracer.start_as_current_span("obzvon.launch"):
                await session.read("GET", "/tasks", action="list tasks", params={"secret": "x1"})
                with pytest.raises((Refused, InDoubt)):
                    await session.send("POST", "/tasks", action="create a task", json={"phone": "+79161234567"})
    stage, read, sent = (traced.spans[name] for name in ("obzvon.launch", "twin list tasks", "twin create a task"))
    assert {span.parent.span_id for span in (read, sent) if span.parent} == {stage.context.span_id}
    assert read.kind is SpanKind.CLIENT
    about = {"obzvon.vendor": "twin", "obzvon.operation": "list tasks", "obzvon.status": 200, "obzvon.retries": 2}
    assert dict(read.attributes or {}) == about
    assert (sent.attributes or {})["obzvon.status"] == 400
    assert (sent.attributes or {})["obzvon.retries"] == 0
    assert sent.status.status_code is StatusCode.ERROR
    shown = str(
        [(span.name, dict(span.attributes or {}), span.status.description, span.events) for span in (read, sent)]
    )
    assert "9161234567" not in shown
    assert "secret" not in shown
