"""From staged rows to facts: COPY into temporary tables, then set-based SQL, one file a statement in `sql/`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["statement"]


@cache
def statement(name: str) -> str:
    """The SQL of `sql/<name>.sql`."""
    return files(__name__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
