"""What a running Airflow says of itself over its REST API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from obzvon.local.airflow_api import AirflowApi

__all__ = ["Airflow", "Web"]


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool and how many tasks it lets run at once; -1 is no limit."""

    name: str
    slots: int


class Airflow(Protocol):
    """What is asked of a web server."""

    def parts(self) -> Mapping[str, str | None]:
        """Health of each component by its name: `healthy`, or something else."""

    def pools(self) -> list[Pool]:
        """Every pool."""

    def used_pools(self) -> dict[str, str]:
        """Pools that tasks of our DAGs name, each with one such task."""

    def import_errors(self) -> list[str]:
        """Files that give no DAG."""

    def connection_ids(self) -> set[str]:
        """Connections of the metadata database; those of the environment are not among them."""


class Web:
    """A web server, logged in as somebody who may read."""

    def __init__(self, api: AirflowApi) -> None:
        self._api = api

    def parts(self) -> Mapping[str, str | None]:
        try:
            answer = httpx.get(f"{self._api.base_url}/api/v2/monitor/health", timeout=10, trust_env=False)
            answer.raise_for_status()
            said: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError):
            return {"web server": "no answer"}
        return {name.replace("_", " "): (part or {}).get("status") for name, part in said.items()}

    def pools(self) -> list[Pool]:
        return [Pool(one["name"], one["slots"]) for one in self._api.ask("GET", "/pools").json()["pools"]]

    def used_pools(self) -> dict[str, str]:
        used: dict[str, str] = {}
        for dag in sorted(self._api.dags()):
            for task in self._api.ask("GET", f"/dags/{dag}/tasks").json()["tasks"]:
                used.setdefault(task.get("pool") or "default_pool", f"{dag}.{task['task_id']}")
        return used

    def import_errors(self) -> list[str]:
        return sorted(self._api.import_errors())

    def connection_ids(self) -> set[str]:
        answer = self._api.ask("GET", "/connections", params={"limit": 1000}).json()
        return {one["connection_id"] for one in answer["connections"]}
