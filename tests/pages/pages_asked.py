"""What a page, a table as JSON and a table as CSV say."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import httpx

__all__ = ["read_csv", "rows", "text"]


def text(client: httpx.Client, path: str) -> str:
    """A page without its tags."""
    answer = client.get(f"/obzvon/{path}")
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<script.*?</script>|<[^>]+>", " ", answer.text, flags=re.DOTALL))


def rows(client: httpx.Client, section: str, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/obzvon/data/{section}.json?{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found


def read_csv(client: httpx.Client, section: str, query: str = "", delimiter: str = ",") -> list[dict[str, str]]:
    answer = client.get(f"/obzvon/data/{section}.csv?{query}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert f"obzvon-{section}.csv" in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=delimiter))
