"""docs/bi.md as the tests need it: its code by language, the rows of its tables, and its names made those of a test."""

from __future__ import annotations

import re
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

__all__ = ["MARTS", "METRICS", "blocks", "here", "table"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "bi.md"
BLOCK = re.compile(r"^ *```(\w*)\n(.+?)^ *```", re.MULTILINE | re.DOTALL)
MARTS, METRICS = ("Register", "Mart"), ("Metric",)


def blocks(language: str) -> list[str]:
    """Every block of code in a language, in the order of the page."""
    return [code.strip() for found, code in BLOCK.findall(PAGE.read_text(encoding="utf-8")) if found == language]


def table(*titles: str) -> list[list[str]]:
    """Cells of the tables whose first column has one of the titles, without the marks of code."""
    found: list[list[str]] = []
    inside = False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip().replace("`", "") for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells[:1] and cells[0] in titles:
            inside = True
        elif not cells:
            inside = False
        elif inside and not cells[0].startswith("---"):
            found.append(cells)
    return found


def here(text: str, dsn: str) -> str:
    """A command or an address of the page with the test's server and database in it, all else as it stands."""
    own = conninfo_to_dict(dsn)
    text = re.sub(r"@warehouse\.example\.ru:5432/obzvon_warehouse\?", f"@/{own['dbname']}?host={own['host']}&", text)
    return text.replace("host=warehouse.example.ru", f"host={own['host']}").replace(
        "dbname=obzvon_warehouse", f"dbname={own['dbname']}"
    )
