"""What the doctor looks at: places, settings and files of one deployment, each given, so that a test can break one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg

from obzvon.contacts.sources.environment import EnvironmentConnections
from obzvon.doctor.airflow import Airflow
from obzvon.errors import ConfigError
from obzvon.reports.archive import Archive

__all__ = ["Deployment", "Finding", "environment_of", "our_clock"]

FILES = ("AIRFLOW__SECRETS__BACKEND_KWARGS", "connections_file_path", "variables_file_path")


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: where it is, what is wrong, and the cure. Never a phone or a secret."""

    where: str
    what: str
    cure: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """`environment` holds AIRFLOW_… and OBZVON_… as tasks see them, with the files of Airflow's secrets backend.

    `airflow` is None where no web server was named. `now` is our clock, `today` the
    day whose calendar counts, `free_share` the free part of a folder's disk,
    `vendor_date` the Date header of a vendor's address (None: it does not answer). `sandbox`: vendors may be one.
    """

    dsn: str = field(repr=False)
    archive: Archive
    secret: bytes = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    campaigns: Path
    policy: Path
    airflow: Airflow | None
    now: Callable[[], datetime]
    today: date
    free_share: Callable[[Path], float]
    vendor_date: Callable[[str], datetime | None]
    sandbox: bool = False

    @property
    def connections(self) -> EnvironmentConnections:
        """Connections as they can be read without Airflow."""
        return EnvironmentConnections(self.environment)

    def connect(self) -> psycopg.Connection:
        """The warehouse as any client sees it: read-only, and in the time zone that the server gives."""
        conn = psycopg.connect(self.dsn, connect_timeout=10, application_name="obzvon doctor", autocommit=True)
        conn.execute("set default_transaction_read_only = on")
        return conn


def environment_of(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, with connections and Variables of Airflow's local files as AIRFLOW_CONN_… and AIRFLOW_VAR_….

    What the environment itself has goes before the files. ConfigError names a file that is no JSON object.
    """
    found = dict(environ)
    try:
        named = json.loads(environ.get(FILES[0]) or "{}")
    except ValueError:
        raise ConfigError(f"{FILES[0]} is not a JSON object; correct it") from None
    for prefix, key in (("AIRFLOW_CONN_", FILES[1]), ("AIRFLOW_VAR_", FILES[2])):
        for name, value in _of_file(named.get(key)).items():
            found.setdefault(f"{prefix}{name.upper()}", value if isinstance(value, str) else json.dumps(value))
    return found


def _of_file(path: str | None) -> dict[str, Any]:
    if not path or not path.endswith(".json"):
        return {}
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} of Airflow's secrets backend cannot be read ({type(error).__name__})") from None
    except ValueError:
        raise ConfigError(f"{path} of Airflow's secrets backend is not JSON; correct it") from None
    return found if isinstance(found, dict) else {}


def our_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)
