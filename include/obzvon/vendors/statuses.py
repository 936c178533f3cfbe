"""What vendors' statuses mean where a vendor documents them: rows of `statuses.csv`, seeded to `dwh.map_disposition`.

A row without a condition is what a status means by itself; the first one of a status that fits is taken. Conditions on
a conversation (machine, goal, short …) are judged when a row is read, those that need other calls (bulk, many_days) in
`mart.v_network_verdict`. A vendor whose statuses belong to the project has no rows: its campaign files have them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from obzvon.dispositions import Disposition

__all__ = ["StatusRule", "meanings", "rules"]


@dataclass(frozen=True, slots=True)
class StatusRule:
    """One row: `alert` says what is to be done when the status comes at all, empty for most."""

    vendor_code: str
    priority: int
    status: str
    condition: str
    disposition: Disposition
    alert: str
    note_ru: str


@cache
def rules() -> tuple[StatusRule, ...]:
    """Every row of the file, in its order."""
    text = files("obzvon.vendors").joinpath("statuses.csv").read_text(encoding="utf-8")
    return tuple(
        StatusRule(
            row["vendor_code"],
            int(row["priority"]),
            row["status"],
            row["condition"],
            Disposition(row["disposition_code"]),
            row["alert"],
            row["note_ru"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def meanings(vendor: str) -> dict[str, Disposition]:
    """The statuses of a vendor that need nothing else to be understood."""
    return {rule.status: rule.disposition for rule in rules() if rule.vendor_code == vendor and not rule.condition}
