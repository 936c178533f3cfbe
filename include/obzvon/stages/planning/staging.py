"""The prepared list as a temporary table: streamed with binary COPY, memory bounded by one chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
import psycopg

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ListError
from obzvon.ledger.keys import ALL_OFFSETS

__all__ = ["Zones", "stage"]

_COLUMNS = (
    "row_no",
    "contact_id",
    "phone_raw",
    "phone_e164",
    "phone_key",
    "full_name",
    "region",
    "segment",
    "tz_source",
    "person_key",
    "consent_ref",
    "exclusion_reason",
    "variables",
)
_COPY = f"copy plan_staging ({', '.join(_COLUMNS)}, consent_date, zone_id) from stdin (format binary)"
_TYPES = ["int4", *["text"] * (len(_COLUMNS) - 1), "date", "int2"]

# Dropped at commit, and first here for a caller whose transaction plans twice.
_TABLES = """
drop table if exists pg_temp.plan_staging;
create temp table plan_staging (
    row_no integer not null, contact_id text not null, phone_raw text, phone_e164 text, phone_key char(64),
    full_name text, region text, segment text, tz_source text, person_key char(64), consent_ref text,
    exclusion_reason text, variables text not null, consent_date date, zone_id smallint
) on commit drop;
"""


class Zones:
    """The distinct sets of candidate offsets of a list, numbered in the order they appear."""

    def __init__(self) -> None:
        self.offsets: list[tuple[int, ...]] = []
        self._numbers: dict[tuple[int, ...], int] = {}

    def number(self, offsets: Iterable[int] | None, *, called: bool) -> int | None:
        """The number of a set. A contact that could be called and has no set may be anywhere in the country."""
        if offsets is None:
            return self.number(ALL_OFFSETS, called=True) if called else None
        key = tuple(offsets)
        if key not in self._numbers:
            self._numbers[key] = self._add(tuple(sorted({int(offset) for offset in key})))
        return self._numbers[key]

    def _add(self, offsets: tuple[int, ...]) -> int:
        if offsets not in self.offsets:
            self.offsets.append(offsets)
        return self.offsets.index(offsets)


def stage(conn: psycopg.Connection, spec: CampaignSpec, chunks: Iterator[pd.DataFrame]) -> tuple[int, Zones]:
    """Fill `plan_staging` and return (rows, zones). ListError for an empty, an endless or an unstorable list."""
    conn.execute(_TABLES)
    zones = Zones()
    try:
        total = _copy(conn, zones, chunks, spec.contacts.max_contacts)
    except (psycopg.errors.CharacterNotInRepertoire, UnicodeEncodeError):
        # not `from error`: it carries the cell
        raise ListError(_unstorable(spec)) from None
    if total == 0:
        raise ListError(_empty(spec))
    if total > spec.contacts.max_contacts:
        raise ListError(_too_many(spec))
    conn.execute("analyze plan_staging")
    return total, zones


def _copy(conn: psycopg.Connection, zones: Zones, chunks: Iterator[pd.DataFrame], limit: int) -> int:
    """Rows copied; reading ends with the chunk that passes `limit`."""
    total = 0
    with conn.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_TYPES)
        for chunk in chunks:
            for row in _rows(chunk, zones):
                copy.write_row(row)
            total += len(chunk)
            if total > limit:
                break
    return total


def _rows(chunk: pd.DataFrame, zones: Zones) -> Iterator[tuple[Any, ...]]:
    cells = chunk.loc[:, [*_COLUMNS, "consent_date"]].astype(object)
    cells = cells.where(cells.notna(), None)  # a missing text is NaN to pandas
    columns = [cells[name].tolist() for name in cells]
    keys, reasons = cells["phone_key"].tolist(), cells["exclusion_reason"].tolist()
    called = (key is not None and reason is None for key, reason in zip(keys, reasons, strict=True))
    offsets = chunk["tz_offsets"].tolist()
    numbers = [zones.number(sets, called=valid) for sets, valid in zip(offsets, called, strict=True)]
    return zip(*columns, numbers, strict=True)


def _unstorable(spec: CampaignSpec) -> str:
    return (
        f"campaign {spec.name}: the list holds a character that no database text can hold (a zero byte or half a "
        "character): export the list again; nobody was called"
    )


def _too_many(spec: CampaignSpec) -> str:
    return (
        f"campaign {spec.name}: the list has more than {spec.contacts.max_contacts} contacts (contacts.max_contacts): "
        "split the list or raise the limit; nobody was called"
    )


def _empty(spec: CampaignSpec) -> str:
    return (
        f"campaign {spec.name}: the contact list is empty: check the export that `contacts.source` names, "
        "then start again; nobody was called"
    )
