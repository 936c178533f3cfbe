"""What the readers ask of whoever knows the connections: Airflow in a run, a plain object in a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An HTTP connection. Login and password, when there are any, go as HTTP Basic."""

    base_url: str
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Connections(Protocol):
    """Looks a connection up by id; a ConfigError names an id that does not exist."""

    def dsn(self, conn_id: str) -> str:
        """PostgreSQL connection string (libpq)."""

    def endpoint(self, conn_id: str) -> Endpoint:
        """Address and credentials of an HTTP service."""
