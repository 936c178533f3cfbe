"""The client of Airflow's REST API against a server that answers as Airflow 3.3 does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from obzvon.local.airflow_api import AirflowApi, AirflowApiError, Run, TaskInstance, health
from obzvon.local.failures import error_of, failures

T = TypeVar("T")
RUN = Run("campaign__demo_twin", "manual__2026-11-20T10:00:00+00:00", "running")
LOG = [
    {"event": "::group::Log message source details"},
    {"event": "Dialling", "level": "info"},
    {
        "event": "Task failed with exception",
        "level": "error",
        "error_detail": [
            {"exc_type": "ListError", "exc_value": "the list is empty; give it at least one row"},
            {"exc_type": "KeyError", "exc_value": "'Телефон'"},
        ],
    },
    {"event": "Task finished", "level": "info"},
]


class Airflow:
    """Keeps the requests; its tokens are good for `uses` requests."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.logins = 0
        self.uses = 1000
        self.silent = 0
        self.tasks: list[dict[str, Any]] = []
        self.address = ""

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        dag = "/api/v2/dags/{dag}/dagRuns"
        app.router.add_post("/auth/token", self._login)
        app.router.add_get("/api/v2/monitor/health", self._health)
        app.router.add_post(dag, self._trigger)
        app.router.add_get(dag + "/{run}/taskInstances", self._tasks)
        app.router.add_get(dag + "/{run}/taskInstances/{task}/logs/{no}", self._log)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Callable[..., Any]) -> web.StreamResponse:
        if request.path.startswith("/api/v2") and "monitor" not in request.path:
            body = await request.json() if request.can_read_body else None
            self.requests.append((request.method, request.path_qs, body))
            if self.silent:
                self.silent -= 1
                assert request.transport is not None
                request.transport.abort()
            self.uses -= 1
            if self.uses < 0:
                self.uses = 1000
                return web.json_response({"detail": "Invalid JWT"}, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _login(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.logins += 1
        good = body == {"username": "admin", "password": "long-password"}
        return web.json_response({"access_token": "t"} if good else {"detail": "no"}, status=201 if good else 401)

    async def _health(self, _: web.Request) -> web.Response:
        def part(name: str, second: int) -> dict[str, str]:
            return {"status": "healthy", f"latest_{name}_heartbeat": f"2026-11-20T10:00:{second:02}+00:00"}

        parts = {name: part(name, n) for n, name in enumerate(("scheduler", "triggerer", "dag_processor"), start=7)}
        return web.json_response({"metadatabase": {"status": "healthy"}} | parts)

    async def _trigger(self, request: web.Request) -> web.Response:
        if request.match_info["dag"] == "unknown":
            return web.json_response({"detail": "The Dag with dag_id: `unknown` was not found"}, status=404)
        return web.json_response({"dag_id": request.match_info["dag"], "dag_run_id": RUN.run_id, "state": "queued"})

    async def _tasks(self, request: web.Request) -> web.Response:
        start, size = int(request.query["offset"]), int(request.query["limit"])
        page = self.tasks[start : start + size]
        return web.json_response({"task_instances": page, "total_entries": len(self.tasks)})

    async def _log(self, _: web.Request) -> web.Response:
        return web.json_response({"content": LOG, "continuation_token": None})


@pytest.fixture
async def airflow() -> AsyncIterator[Airflow]:
    played = Airflow()
    async with TestServer(played.application()) as server:
        played.address = str(server.make_url("/")).rstrip("/")
        yield played


async def ask(airflow: Airflow, question: Callable[[AirflowApi], T], password: str = "long-password") -> T:
    """Ask with the synchronous client, in a thread beside the server's loop."""

    def asked() -> T:
        with AirflowApi(airflow.address, "admin", password) as api:
            return question(api)

    return await asyncio.to_thread(asked)


def task(name: str, state: str | None, index: int = -1, ended: str | None = None) -> dict[str, Any]:
    return {"task_id": name, "map_index": index, "try_number": 1, "state": state, "end_date": ended}


async def test_a_run_is_started_without_a_logical_date_and_with_its_conf(airflow: Airflow) -> None:
    run = await ask(airflow, lambda api: api.trigger("campaign__demo_twin", {"call_date": "2026-11-21"}))
    assert run == Run("campaign__demo_twin", RUN.run_id, "queued")
    assert airflow.requests[0][2] == {"logical_date": None, "conf": {"call_date": "2026-11-21"}}


async def test_it_logs_in_once_and_again_when_the_token_has_expired(airflow: Airflow) -> None:
    airflow.uses = 1
    await ask(airflow, lambda api: [api.trigger("a"), api.trigger("b")])
    assert airflow.logins == 2
    assert [path for _, path, _ in airflow.requests] == [f"/api/v2/dags/{d}/dagRuns" for d in ("a", "b", "b")]


async def test_a_run_is_never_started_twice_when_the_server_is_silent(airflow: Airflow) -> None:
    airflow.silent = 1
    with pytest.raises(AirflowApiError, match=r"does not answer POST .* \(\w+\)"):
        await ask(airflow, lambda api: api.trigger("a"))
    assert len(airflow.requests) == 1


async def test_a_read_is_tried_again_when_the_server_is_silent(airflow: Airflow) -> None:
    airflow.silent = 1
    assert await ask(airflow, lambda api: api.tasks(RUN)) == []
    assert len(airflow.requests) == 2


async def test_a_refused_login_names_address_and_user_but_no_password(airflow: Airflow) -> None:
    with pytest.raises(AirflowApiError, match=r"does not accept the login of user admin \(HTTP 401\)") as caught:
        await ask(airflow, lambda api: api.trigger("a"), password="wrong-password")
    assert "wrong-password" not in str(caught.value)


async def test_a_refusal_carries_airflows_own_words(airflow: Airflow) -> None:
    with pytest.raises(AirflowApiError, match=r"`unknown` was not found \(HTTP 404\)"):
        await ask(airflow, lambda api: api.trigger("unknown"))


async def test_task_instances_of_all_pages_are_found_and_run_ids_are_quoted(airflow: Airflow) -> None:
    airflow.tasks = [task("batch.launch", "success", n) for n in range(230)]
    found = await ask(airflow, lambda api: api.tasks(RUN))
    assert found[229] == TaskInstance("batch.launch", 229, 1, "success")
    assert len(airflow.requests) == 3
    assert "/dagRuns/manual__2026-11-20T10%3A00%3A00%2B00%3A00/taskInstances?limit=100" in airflow.requests[0][1]


async def test_health_gives_the_oldest_of_the_latest_heartbeats(airflow: Airflow) -> None:
    found = await asyncio.to_thread(health, airflow.address)
    assert found is not None
    assert found.healthy
    assert found.oldest_heartbeat == datetime(2026, 11, 20, 10, 0, 7, tzinfo=UTC)


def test_health_of_a_server_that_does_not_answer_is_none(unused_tcp_port: int) -> None:
    assert health(f"http://127.0.0.1:{unused_tcp_port}") is None


async def test_a_failed_task_is_shown_with_its_own_error_and_its_log(airflow: Airflow, tmp_path: Path) -> None:
    airflow.tasks = [task("plan", "success"), task("batch.launch", "failed", 2), task("deliver", "upstream_failed")]
    (found,) = await ask(airflow, lambda api: failures(api, RUN, tmp_path))
    assert found.task == "campaign__demo_twin.batch.launch[2]"
    assert found.error == "ListError: the list is empty; give it at least one row"
    place = f"dag_id={RUN.dag_id}/run_id={RUN.run_id}/task_id=batch.launch/map_index=2/attempt=1.log"
    assert found.log == tmp_path / place


async def test_failures_come_in_the_order_they_happened_and_equal_ones_of_mapped_tasks_once(
    airflow: Airflow, tmp_path: Path
) -> None:
    airflow.tasks = [
        task("audit", "failed", ended="2026-11-20T10:00:09Z"),
        task("batch.launch", "failed", 0, ended="2026-11-20T10:00:02Z"),
        task("batch.launch", "failed", 1, ended="2026-11-20T10:00:03Z"),
    ]
    found = await ask(airflow, lambda api: failures(api, RUN, tmp_path))
    assert [f.task.removeprefix("campaign__demo_twin.") for f in found] == ["batch.launch[0, 1]", "audit"]


def test_a_sentence_is_shown_without_the_name_of_the_exception_that_only_carries_it() -> None:
    detail = [{"exc_type": "AirflowFailException", "exc_value": "calling is switched off"}]
    assert error_of([{"event": "x", "level": "error", "error_detail": detail}]) == "calling is switched off"


def test_a_log_without_an_exception_gives_its_last_error_line() -> None:
    lines = [
        {"event": "first", "level": "error"},
        {"event": "last", "level": "error"},
        {"event": "bye", "level": "info"},
    ]
    assert error_of(lines) == "last"
    assert error_of([{"event": "bye"}]) == "the log names no error (the process was killed?)"
