"""The journal of requests: what every vendor was asked, kept with the body. Tests take it for the truth."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from obzvon.sandbox.store import Store

_SECRETS = (
    re.compile(rb'("(?:password|refreshToken)"\s*:\s*)"(?:[^"\\]|\\.)*"'),
    re.compile(rb"(^|&)(password=)[^&]*"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. `status` is None when no answer was sent; `at` is real seconds since 1970."""

    at: float
    vendor: str
    method: str
    path: str
    query: str
    body: bytes
    status: int | None
    fault: str | None
    seconds: float


class Journal:
    """Writes and finds entries."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, entry: Entry) -> None:
        """Keep the entry; the sha256 is of the exact body, in the kept body a password is masked."""
        self._store.insert(
            "request",
            {
                "at": entry.at,
                "vendor": entry.vendor,
                "method": entry.method,
                "path": entry.path,
                "query": entry.query,
                "status": entry.status,
                "fault": entry.fault,
                "sha256": hashlib.sha256(entry.body).hexdigest(),
                "body": _masked(entry),
                "seconds": round(entry.seconds, 6),
            },
        )

    def find(self, vendor: str | None, method: str | None, path: str | None, after: int, limit: int) -> list[Any]:
        """Entries oldest first. `path` is a part of the path, `after` the id of the last entry already seen."""
        return self._store.rows(
            "select * from request where id > :after and vendor = coalesce(:vendor, vendor)"
            " and method = coalesce(:method, method) and (:path is null or instr(path, :path))"
            " order by id limit :limit",
            {"vendor": vendor, "method": method, "path": path, "after": after, "limit": limit},
        )


def _masked(entry: Entry) -> bytes:
    if "/login" not in entry.path and "/auth/" not in entry.path:
        return entry.body
    body = _SECRETS[0].sub(rb'\1"***"', entry.body)
    return _SECRETS[1].sub(rb"\1\2***", body)
