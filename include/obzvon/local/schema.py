"""The schemas of both databases, brought up to date only when something changed: a stamp saves the seconds."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import psycopg

import obzvon.warehouse
from obzvon.local.secrets import write_private

__all__ = ["Schema", "airflow_schema", "warehouse_schema"]


class Schema:
    """One database's schema: `code` says what it should be made of, `table` holds the revision it is at."""

    def __init__(self, name: str, dsn: str, table: str, code: str, run: Path) -> None:
        self.name = name
        self._dsn, self._table, self._code, self._stamp = dsn, table, code, run / f"{name}-schema.json"

    def _now(self) -> dict[str, str]:
        with psycopg.connect(self._dsn) as conn:
            there = conn.execute("select to_regclass(%s) is not null", (self._table,)).fetchone()
            if there != (True,):
                return {}
            row = conn.execute(f"select version_num from {self._table}").fetchone()
        return {"code": self._code, "revision": str(row[0])} if row else {}

    @property
    def current(self) -> bool:
        """True when the stamp names this code and the revision the database is at."""
        try:
            stamped = json.loads(self._stamp.read_text())
        except (OSError, ValueError):
            return False
        return bool(stamped) and stamped == self._now()

    def stamp(self) -> None:
        """Note that the database is up to date now."""
        write_private(self._stamp, json.dumps(self._now()))


def airflow_schema(dsn: str, run: Path) -> Schema:
    """Changes with the installed Airflow."""
    return Schema("airflow", dsn, "alembic_version", version("apache-airflow"), run)


def warehouse_schema(dsn: str, run: Path) -> Schema:
    """Changes with any file of `obzvon.warehouse`: migrations, seeds, marts."""
    return Schema("warehouse", dsn, "ops.schema_version", _digest(Path(obzvon.warehouse.__path__[0])), run)


def _digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()
