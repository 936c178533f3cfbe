"""What is new in a plan against the last one of the same campaign, and when that is too much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import class_row

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ListError
from obzvon.stages.planning.forecast import Forecast
from obzvon.stages.planning.summary import ExcludedCount

__all__ = ["Differences", "ReasonChange", "differences", "list_changed_at", "stop_if_changed"]


@dataclass(frozen=True, slots=True)
class ReasonChange:
    """Contacts that are not called for one reason, in the last plan and in this one."""

    code: str
    reason: str
    before: int
    now: int


@dataclass(frozen=True, slots=True)
class Differences:
    """This plan against the last one, which was for `call_date`. Pairs are (before, now).

    `reasons` are those whose number changed. `forecasts` is None where one of the plans has no forecast. `settings` are
    the key paths that differ: of the campaign file, and of the policy as `policy.…`.
    """

    call_date: date
    total: tuple[int, int]
    to_call: tuple[int, int]
    worst_case: tuple[int, int]
    reasons: tuple[ReasonChange, ...]
    forecasts: tuple[Forecast, Forecast] | None
    settings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    plan_id: str
    call_date: date
    contacts_total: int
    contacts_to_call: int
    forecast: Any
    spec: Mapping[str, Any]
    policy: Mapping[str, Any] | None
    worst_case: int


_COLUMNS = """
select p.plan_id, p.call_date, p.contacts_total, p.contacts_to_call, p.forecast, p.spec, y.policy,
    (select coalesce(sum(r.max_attempts), 0) from ops.attempt_reservation r
     join ops.campaign_intent i using (intent_id) where i.plan_id = p.plan_id)::integer as worst_case
from ops.campaign_plan p left join ops.policy y using (policy_hash)
"""
_THIS = f"{_COLUMNS} where p.plan_id = %s"
_LAST = f"{_COLUMNS} where p.campaign_id = %s and p.call_date < %s order by p.call_date desc limit 1"
_LAST_TOTAL = """
select contacts_total, call_date from ops.campaign_plan where campaign_id = %s and call_date < %s
order by call_date desc limit 1
"""
_EXCLUDED = """
select exclusion_code as code, exclusion_reason as reason, count(*) as contacts
from ops.plan_contact where plan_id = %s and exclusion_code is not null group by 1, 2
"""


def differences(conn: psycopg.Connection, plan_id: str) -> Differences | None:
    """The stored plan against the last one before its call date; None where it is the campaign's first."""
    query = "select campaign_id, call_date from ops.campaign_plan where plan_id = %s"
    campaign, call_date = conn.execute(query, [plan_id]).fetchone() or (None, None)
    with conn.cursor(row_factory=class_row(_Plan)) as cursor:
        last = cursor.execute(_LAST.encode(), [campaign, call_date]).fetchone()
        this = cursor.execute(_THIS.encode(), [plan_id]).fetchone()
    if last is None or this is None:
        return None
    known = last.forecast is not None and this.forecast is not None
    return Differences(
        call_date=last.call_date,
        total=(last.contacts_total, this.contacts_total),
        to_call=(last.contacts_to_call, this.contacts_to_call),
        worst_case=(last.worst_case, this.worst_case),
        reasons=_reasons(_excluded(conn, last.plan_id), _excluded(conn, plan_id)),
        forecasts=(Forecast.load(last.forecast), Forecast.load(this.forecast)) if known else None,
        settings=(*_paths("", last.spec, this.spec), *_policy(last, this)),
    )


def _policy(last: _Plan, this: _Plan) -> Iterator[str]:
    if last.policy is not None and this.policy is not None:
        yield from _paths("policy.", last.policy, this.policy)


def _excluded(conn: psycopg.Connection, plan_id: str) -> dict[tuple[str, str], int]:
    with conn.cursor(row_factory=class_row(ExcludedCount)) as cursor:
        return {(row.code, row.reason): row.contacts for row in cursor.execute(_EXCLUDED, [plan_id])}


def _reasons(before: Mapping[tuple[str, str], int], now: Mapping[tuple[str, str], int]) -> tuple[ReasonChange, ...]:
    found = (ReasonChange(*key, before.get(key, 0), now.get(key, 0)) for key in {**before, **now})
    changed = (change for change in found if change.before != change.now)
    return tuple(sorted(changed, key=lambda change: (-abs(change.now - change.before), change.code, change.reason)))


def _paths(prefix: str, before: object, now: object) -> Iterator[str]:
    """Dotted paths of the leaves that differ; a list is one leaf."""
    if not (isinstance(before, Mapping) and isinstance(now, Mapping)):
        if before != now:
            yield prefix.removesuffix(".")
        return
    for key in sorted({*before, *now}):
        yield from _paths(f"{prefix}{key}.", before.get(key), now.get(key))


def list_changed_at(spec: CampaignSpec, base: Path) -> datetime | None:
    """When the list's file was written (UTC); None for a query or an endpoint, and for a file that is not there.

    `base`: what a relative path of the campaign file is relative to.
    """
    file = spec.contacts.source.file
    if file is None:
        return None
    try:
        return datetime.fromtimestamp((base / file).stat().st_mtime, UTC)
    except OSError:  # reading the list says what is wrong with it
        return None


def stop_if_changed(
    conn: psycopg.Connection,
    spec: CampaignSpec,
    call_date: date,
    total: int,
    *,
    changed_at: datetime | None,
    now: datetime,
) -> None:
    """Raise ListError when the list is of another size than the last plan's, or too old: it may be the wrong one.

    `total` are the rows of the list; the limits are `contacts.max_change_share` and `contacts.max_age_hours`.
    """
    _stop_if_old(spec, changed_at, now)
    limit = spec.contacts.max_change_share
    last = conn.execute(_LAST_TOTAL, [spec.name, call_date]).fetchone()
    if limit is None or last is None:
        return
    before, day = last
    share = abs(total - before) / before
    if share > limit:
        raise ListError(
            f"campaign {spec.name}: the list has {total} contacts, the last plan ({day}) had {before}: {share:.2%} "
            f"{'more' if total > before else 'fewer'}, more than contacts.max_change_share allows ({limit:.2%}): check "
            "that it is the right list, or raise the key in the campaign file; nobody was called"
        )


def _stop_if_old(spec: CampaignSpec, changed_at: datetime | None, now: datetime) -> None:
    limit = spec.contacts.max_age_hours
    if limit is None or changed_at is None or now - changed_at <= timedelta(hours=limit):
        return
    age = (now - changed_at).total_seconds() / 3600
    raise ListError(
        f"campaign {spec.name}: the list was written {age:.1f} hours ago ({changed_at:%Y-%m-%d %H:%M} UTC), more than "
        f"contacts.max_age_hours allows ({limit:g}): export it again, or raise the key in the campaign file; "
        "nobody was called"
    )
