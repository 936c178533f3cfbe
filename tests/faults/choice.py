"""Which cases a command line means."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Sequence
from typing import Any

import typer


def matching(ids: Iterable[str], wanted: Sequence[str] | None) -> set[str]:
    """The ids that a pattern matches, all without a pattern; a pattern that matches nothing is refused (exit 2)."""
    known, found = list(ids), set[str]()
    for pattern in wanted or ["*"]:
        if not (hits := fnmatch.filter(known, pattern)):
            raise typer.BadParameter(f"no case matches {pattern!r}; --list shows all")
        found.update(hits)
    return found


def listed(cases: Iterable[Any]) -> None:
    """Print the cases, a JSON line each."""
    for one in cases:
        print(json.dumps({"case": one.id, "vendor": one.vendor, "fault": one.fault, "point": one.point}))
