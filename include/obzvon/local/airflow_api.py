"""A small synchronous client of Airflow's REST API (/api/v2): what a person would click, for the demo and for tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from obzvon.errors import ObzvonError

__all__ = ["AirflowApi", "AirflowApiError", "Health", "Job", "Run", "TaskInstance", "health"]

FINISHED = frozenset({"success", "failed"})
PAGE = 100
READ_TRIES = 4


class AirflowApiError(ObzvonError):
    """Airflow said no. The message is Airflow's own `detail`."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether all four components work, and the oldest of their latest heartbeats (UTC)."""

    healthy: bool
    oldest_heartbeat: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """A scheduler, triggerer or DAG processor as Airflow knows it. `host` is where it runs or ran."""

    job_id: int
    kind: str
    host: str
    latest_heartbeat: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """A DAG run."""

    dag_id: str
    run_id: str
    state: str

    @property
    def finished(self) -> bool:
        return self.state in FINISHED


@dataclass(frozen=True, slots=True)
class TaskInstance:
    """One task of a run; `map_index` is -1 where the task is not mapped, `ended` an ISO moment in UTC.

    `host` is where its latest try is or was carried out, `triggerer` the job that waits for it while it is deferred.
    """

    task_id: str
    map_index: int
    try_number: int
    state: str | None
    ended: str | None = None
    host: str | None = None
    triggerer: int | None = None


def health(base_url: str) -> Health | None:
    """GET /api/v2/monitor/health; None while nobody answers. Needs no login."""
    try:
        answer = httpx.get(f"{base_url}/api/v2/monitor/health", timeout=5, trust_env=False)
        answer.raise_for_status()
        parts = answer.json()
    except (httpx.HTTPError, ValueError):
        return None
    healthy = all((part or {}).get("status") == "healthy" for part in parts.values())
    beats = [part.get(f"latest_{name}_heartbeat") for name, part in parts.items() if name != "metadatabase" and part]
    oldest = min((datetime.fromisoformat(beat) for beat in beats if beat), default=datetime.min.replace(tzinfo=UTC))
    return Health(healthy, oldest)


class AirflowApi:
    """The API of one server, logged in as one user. Usable as a context manager."""

    def __init__(self, base_url: str, user: str, password: str) -> None:
        self.base_url = base_url.rstrip("/")
        # the server is on this machine or named by the caller: a proxy of the environment has no part in it
        self._http = httpx.Client(base_url=self.base_url, timeout=60, trust_env=False)
        self._user, self._password = user, password

    def __enter__(self) -> AirflowApi:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def _login(self) -> None:
        answer = self._send("POST", "/auth/token", json={"username": self._user, "password": self._password})
        if answer.status_code != httpx.codes.CREATED:
            raise AirflowApiError(
                f"Airflow at {self.base_url} does not accept the login of user {self._user} (HTTP {answer.status_code})"
            )
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request under /api/v2; logs in first, and once more when the token has expired.

        Raises AirflowApiError on an answer with a status of 400 or more.
        """
        if "Authorization" not in self._http.headers:
            self._login()
        answer = self._send(method, f"/api/v2{path}", **options)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._login()
            answer = self._send(method, f"/api/v2{path}", **options)
        if answer.is_error:
            raise AirflowApiError(f"Airflow: {method} {path}: {_detail(answer)} (HTTP {answer.status_code})")
        return answer

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Reads are tried again when the server is silent; a request that starts something is sent once."""
        tries = stop_after_attempt(READ_TRIES if method == "GET" else 1)
        sending = Retrying(
            stop=tries, wait=wait_fixed(1), retry=retry_if_exception_type(httpx.TransportError), reraise=True
        )
        try:
            answer: httpx.Response = sending(self._http.request, method, path, **options)
        except httpx.TransportError as error:
            cause = type(error).__name__
            raise AirflowApiError(f"Airflow at {self.base_url} does not answer {method} {path} ({cause})") from error
        return answer

    def dags(self) -> dict[str, datetime | None]:
        """Ids of all DAGs and when each was last parsed (UTC)."""
        found = self._pages("/dags", "dags")
        return {dag["dag_id"]: _moment(dag.get("last_parsed_time")) for dag in found}

    def import_errors(self) -> dict[str, str]:
        """File -> what is wrong with it, for files that give no DAG."""
        return {error["filename"]: error["stack_trace"] for error in self._pages("/importErrors", "import_errors")}

    def unpause(self, dag_id: str) -> None:
        """Let the DAG's runs start; a run of a paused DAG would stay queued for ever."""
        self.ask("PATCH", f"/dags/{quote(dag_id)}", params={"update_mask": "is_paused"}, json={"is_paused": False})

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> Run:
        """Start a run as the UI's button does: no logical date, `conf` overrides the DAG's params."""
        body = {"logical_date": None, "conf": dict(conf or {})}
        return _run(self.ask("POST", f"/dags/{quote(dag_id)}/dagRuns", json=body).json())

    def run(self, dag_id: str, run_id: str) -> Run:
        """The run as it is now."""
        return _run(self.ask("GET", _path(dag_id, run_id)).json())

    def tasks(self, run: Run) -> list[TaskInstance]:
        """Every task instance of a run, mapped ones each."""
        found = self._pages(f"{_path(run.dag_id, run.run_id)}/taskInstances", "task_instances")
        return [_task(task) for task in found]

    def jobs(self, *, alive: bool = True) -> list[Job]:
        """The jobs whose heartbeats are fresh, or all that ever were (the latest hundred)."""
        params: dict[str, Any] = {"limit": PAGE} | ({"is_alive": True} if alive else {})
        found = self.ask("GET", "/jobs", params=params).json()["jobs"]
        return [
            Job(job["id"], job["job_type"], job["hostname"], datetime.fromisoformat(job["latest_heartbeat"]))
            for job in found
        ]

    def log(self, run: Run, task: TaskInstance) -> list[dict[str, Any]]:
        """Log of the latest try, one mapping a line (`event`, `level`, `error_detail` …)."""
        path = f"{_path(run.dag_id, run.run_id)}/taskInstances/{quote(task.task_id)}/logs/{max(task.try_number, 1)}"
        answer = self.ask("GET", path, params={"map_index": task.map_index, "full_content": True})
        lines = answer.json()["content"]
        return [line if isinstance(line, dict) else {"event": str(line)} for line in lines]

    def variable(self, key: str) -> str | None:
        """The value of an Airflow Variable as the metadata database has it; None where there is none."""
        return next((v["value"] for v in self._pages("/variables", "variables") if v["key"] == key), None)

    def set_variable(self, key: str, value: str) -> None:
        """Write a Variable, new or not."""
        body = {"key": key, "value": value}
        if self.variable(key) is None:
            self.ask("POST", "/variables", json=body)
        else:
            self.ask("PATCH", f"/variables/{quote(key)}", json=body)

    def _pages(self, path: str, key: str) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            answer = self.ask("GET", path, params={"limit": PAGE, "offset": offset}).json()
            yield from answer[key]
            offset += PAGE
            if offset >= answer["total_entries"]:
                return


def _path(dag_id: str, run_id: str) -> str:
    return f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}"


def _run(body: Mapping[str, Any]) -> Run:
    return Run(body["dag_id"], body["dag_run_id"], body["state"])


def _task(body: Mapping[str, Any]) -> TaskInstance:
    triggerer = (body.get("triggerer_job") or {}).get("id")
    return TaskInstance(
        body["task_id"], body["map_index"], body["try_number"], body["state"], body["end_date"],
        body.get("hostname"), triggerer,
    )  # fmt: skip


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _detail(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase
    return detail if isinstance(detail, str) else str(detail)
