"""The figures of a case: the sandbox knows who was dialled, the table and Qolio show what came of it."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

from bench.stock.scene import Scene

CONTACTS = Path(__file__).parent / "contacts.csv"
#: Virtual seconds after which every campaign has dialled whom it would ever dial.
IN_THE_END = 5 * 86400.0


def figures(scene: Scene) -> dict[str, int]:
    """What the vendor did against what the pipeline knows of it. bench/README.md explains each figure."""
    scene.clock(advance_seconds=IN_THE_END)
    attempts = scene.look("dials", vendor=scene.vendor)
    dialled = [attempt for attempt in attempts if attempt["dialed"]]
    rows = scene.rows()
    loaded = {call for call, _, _ in rows}
    unseen = {attempt["call_id"] for attempt in dialled} - loaded
    never = _listed() - {_digits(attempt["phone"]) for attempt in attempts}
    campaigns = {campaign["task_id"] for campaign in scene.look("campaigns", vendor=scene.vendor)}
    records = scene.look("qolio/calls")
    talks = {a["call_id"] for a in dialled if a["recorded"] and a["talk"]}
    return {
        "twice": _twice(dialled),
        "lost": len(unseen) + len(never),
        "orphaned": len(campaigns - {campaign for _, campaign, _ in rows}),
        "table_duplicates": len(rows) - len(loaded),
        "qolio_doubled": _doubled(records),
        "dialled": len(dialled),
        "lost_attempts": len(unseen),
        "never_dialled": len(never),
        "qolio_missing": len(talks - {record["uid"] for record in records}),
        "qolio_sent_again": sum(record["writes"] - 1 for record in records),
    }


def _twice(dialled: list[dict[str, Any]]) -> int:
    campaigns = defaultdict(set)
    for attempt in dialled:
        campaigns[_digits(attempt["phone"])].add(attempt["task_id"])
    return sum(len(of_phone) > 1 for of_phone in campaigns.values())


def _doubled(records: list[dict[str, Any]]) -> int:
    """Records of a call that another record shows already; a recording belongs to one call."""
    return len(records) - len({record["body"]["media_url"] for record in records})


def _listed() -> set[str]:
    with CONTACTS.open(encoding="utf-8") as text:
        return {_digits(row["phone"]) for row in csv.DictReader(text)}


def _digits(phone: str) -> str:
    return phone.removeprefix("+")
