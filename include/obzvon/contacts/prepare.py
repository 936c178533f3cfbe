"""One chunk of a list as rows that can be planned: canonical phone, its key, candidate time zones, typed variables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from obzvon.campaigns.spec import CampaignSpec
from obzvon.contacts.numbering import NumberingPlan, numbering_plan
from obzvon.contacts.phones import canonical
from obzvon.contacts.read import read
from obzvon.contacts.regions import named
from obzvon.contacts.sources.connections import Connections
from obzvon.contacts.variables import variables
from obzvon.contacts.zones import Zone, region_name, zones
from obzvon.ledger.keys import person_key, phone_key

BAD_VARIABLE = "bad_variable"


def prepared(spec: CampaignSpec, base: Path, connections: Connections, secret: bytes) -> Iterator[pd.DataFrame]:
    """The whole list, read and prepared chunk by chunk. Raises what `read` raises."""
    plan = numbering_plan()
    for chunk in read(spec, base, connections):
        yield prepare(chunk, spec, secret, plan)


def prepare(chunk: pd.DataFrame, spec: CampaignSpec, secret: bytes, plan: NumberingPlan) -> pd.DataFrame:
    """Every row of a chunk of `read`, in order, none left out. `secret` keys the HMAC that stands for a phone.

    Columns: row_no (int), contact_id, phone_raw, phone_e164, phone_key, full_name, region (a subject's name), segment,
    tz_offsets (tuple of minutes east of UTC), tz_source (declared, region, numbering_plan, unknown), person_key,
    consent_date (a date), consent_ref, exclusion_reason, variables (a JSON object). Absent values are None.
    A row without a valid phone has no key and no zone, and the reason why. A row whose variable does not fit its type
    has the reason `bad_variable`: a script that says «ваш долг — пусто» calls nobody.
    """
    columns = spec.contacts.columns
    phone = canonical(chunk[columns.phone])
    out = pd.DataFrame({"row_no": chunk.index.to_numpy()})
    out["phone_raw"] = _objects(chunk[columns.phone].tolist())
    out["phone_e164"] = _objects(phone["e164"].tolist())
    out["contact_id"] = _contact_ids(out, _cells(chunk, columns.contact_id))
    out["phone_key"] = _objects([phone_key(secret, e164) if e164 else None for e164 in phone["e164"]])
    for name in ("full_name", "segment"):
        out[name] = _objects([cell.strip() or None for cell in _cells(chunk, getattr(columns, name)).tolist()])
    _place(out, chunk, spec, plan)
    out["person_key"] = _objects(list(_person_keys(out["contact_id"], spec, secret)))
    out["consent_date"] = _objects([_day(cell) for cell in _cells(chunk, columns.consent_date).tolist()])
    out["consent_ref"] = _objects([cell.strip() or None for cell in _cells(chunk, columns.consent_ref).tolist()])
    _fill_variables(out, chunk, spec, phone["reason"])
    return out[_ORDER]


_ORDER = [
    "row_no",
    "contact_id",
    "phone_raw",
    "phone_e164",
    "phone_key",
    "full_name",
    "region",
    "segment",
    "tz_offsets",
    "tz_source",
    "person_key",
    "consent_date",
    "consent_ref",
    "exclusion_reason",
    "variables",
]


def _objects(values: list[Any]) -> pd.Series[Any]:
    """An object column: pandas would turn None into NaN."""
    return pd.Series(values, dtype=object)


def _cells(chunk: pd.DataFrame, column: str | None) -> pd.Series[str]:
    """The cells of a mapped column, or empty ones."""
    return chunk[column] if column else pd.Series("", index=chunk.index, dtype="str")


def _contact_ids(out: pd.DataFrame, cells: pd.Series[str]) -> pd.Series[Any]:
    """The ids of the source system. One that is the phone itself stays behind: it would leave `pii` with it."""
    rows = zip(out["row_no"].tolist(), out["phone_e164"], cells.tolist(), strict=True)
    return _objects([f"row:{no}" if _is_phone(cell, e164) else cell.strip() or f"row:{no}" for no, e164, cell in rows])


def _is_phone(cell: str, e164: str | None) -> bool:
    return e164 is not None and re.sub(r"\D", "", cell)[-10:] == e164[-10:]


def _person_keys(contact_ids: pd.Series[Any], spec: CampaignSpec, secret: bytes) -> Iterator[str | None]:
    """A row whose id was made up here is nobody in particular."""
    named = spec.contacts.columns.contact_id is not None
    for contact_id in contact_ids:
        known = named and not contact_id.startswith("row:")
        yield person_key(secret, spec.contacts.registry, contact_id) if known else None


@lru_cache(maxsize=4096)
def _day(cell: str) -> date | None:
    """`2026-11-20` or `20.11.2026`, with or without a time of day; None where it is neither."""
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        with suppress(ValueError):
            return datetime.strptime(cell.strip()[:10], form).date()  # noqa: DTZ007 - a date has no zone
    return None


def _place(out: pd.DataFrame, chunk: pd.DataFrame, spec: CampaignSpec, plan: NumberingPlan) -> None:
    """Fill the region, and for the rows that have a phone the zone."""
    valid = out["phone_e164"].notna().to_numpy()
    columns, e164 = spec.contacts.columns, out["phone_e164"][valid].astype("str")
    declared, region = _cells(chunk, columns.timezone), _cells(chunk, columns.region)
    found = iter(zones(declared[valid], region[valid], e164, plan))
    placed: list[Zone | None] = [next(found) if ok else None for ok in valid]
    out["tz_offsets"] = _objects([zone.offsets if zone else None for zone in placed])
    out["tz_source"] = _objects([zone.source if zone else None for zone in placed])
    cells = zip(placed, region.tolist(), strict=True)
    out["region"] = _objects([zone.region if zone else region_name(named(cell)) for zone, cell in cells])


def _fill_variables(out: pd.DataFrame, chunk: pd.DataFrame, spec: CampaignSpec, reasons: pd.Series[str]) -> None:
    """Fill `variables` and `exclusion_reason`; what is wrong with the phone comes first."""
    made = list(variables(chunk, spec.variables))
    out["variables"] = _objects([json for json, _ in made])
    out["exclusion_reason"] = _objects(
        [reason or (None if fits else BAD_VARIABLE) for reason, (_, fits) in zip(reasons, made, strict=True)]
    )
