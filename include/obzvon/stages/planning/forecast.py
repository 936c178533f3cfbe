"""What a stored plan will cost and when it will be over, as far as the house's own history tells.

Attempts: the least is one a contact, the most is the worst case that the plan holds reserved; expected is contacts x
the attempts a contact that past plans needed. Talk: expected is the minutes an attempt of all past attempts together;
the least and the most are the 10th and the 90th percentile over past call dates (one date: all three are equal). Cost:
attempts x (price of an attempt + marking fee) + minutes x price of a minute, least with least and most with most, in
rubles. Finish: the median share of the window that past call dates of the campaign used, and not before the window that
opens last has been open for that share of its own hours: earlier lists may have had nobody in that zone.

Past plans are the latest ones up to this call date whose calls are all collected: of the campaign itself, else of the
same vendor and purpose. At most `SAMPLE` contacts (and always one plan) are looked at, so a plan of a million contacts
is no slower. Without history the talk is unknown: it is left out of the cost, and `upper_rub` is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from obzvon.campaigns.spec import CampaignSpec
from obzvon.policy.model import Policy, Price
from obzvon.stages.planning.need import needs_approval

__all__ = ["Attempts", "Basis", "Forecast", "History", "Span", "read_forecast", "store_forecast"]

#: Contacts of past plans that are enough to know an average.
SAMPLE = 200_000
KOPECK = Decimal("0.01")
Hours = tuple[datetime, datetime]


class Basis(StrEnum):
    """Whose past calls the forecast goes by."""

    CAMPAIGN = "campaign"
    VENDOR_AND_PURPOSE = "vendor_and_purpose"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Attempts:
    """Dials of the whole plan."""

    low: int
    expected: int
    high: int


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes or rubles of the whole plan."""

    low: Decimal
    expected: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class History:
    """What past calls say; `minutes_*` are minutes of talk an attempt, `window_share` is of the calling window."""

    basis: Basis
    call_dates: int = 0
    attempts: int = 0
    contacts: int = 0
    minutes: Decimal = Decimal(0)
    minutes_p10: Decimal = Decimal(0)
    minutes_p90: Decimal = Decimal(0)
    window_share: Decimal | None = None

    @property
    def attempts_a_contact(self) -> Decimal | None:
        """Average dials to one contact who was dialled; None without history."""
        return Decimal(self.attempts) / self.contacts if self.contacts else None


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast of a plan. Moments are UTC; `price_known` is False where the policy has no price of the vendor."""

    attempts: Attempts
    minutes: Span
    cost_rub: Span
    history: History
    price: Price
    price_known: bool
    fee_rub: Decimal
    finish_expected: datetime
    finish_latest: datetime

    @property
    def upper_rub(self) -> Decimal | None:
        """The upper end of the cost; None where it cannot be known."""
        talk_known = self.history.basis is not Basis.NONE or self.price.minute_rub == 0
        return self.cost_rub.high if self.price_known and talk_known else None

    def dump(self) -> dict[str, Any]:
        """JSON-ready; numbers of money are texts."""
        dumped: dict[str, Any] = _ADAPTER.dump_python(self, mode="json")
        return dumped

    @staticmethod
    def load(stored: object) -> Forecast:
        """The inverse of `dump`."""
        return _ADAPTER.validate_python(stored)


_ADAPTER = TypeAdapter(Forecast)

# Only plans that are over: half a campaign has other averages than a whole one.
_PAST = """
with known as (
    select p.plan_id, p.call_date, p.contacts_to_call,
        sum(p.contacts_to_call) over (order by p.call_date desc, p.plan_id) - p.contacts_to_call as newer
    from ops.campaign_plan p
    where p.vendor_code = %(vendor)s and p.purpose = %(purpose)s and p.call_date <= %(call_date)s
      and p.plan_id <> %(plan_id)s and (%(campaign)s::text is null or p.campaign_id = %(campaign)s)
      and exists (select from ops.campaign_intent i
                  where i.plan_id = p.plan_id and i.state in ('final', 'final_partial'))
      and not exists (select from ops.campaign_intent i
                      where i.plan_id = p.plan_id and i.state not in ('final', 'final_partial', 'cancelled'))
), a_plan as (
    select k.plan_id, k.call_date, min(i.window_start_utc) as starts, max(i.window_end_utc) as ends,
        sum(f.attempts) as attempts, sum(f.contacts) as contacts, sum(f.talk) as talk, max(f.last_end) as last_end
    from known k
    join ops.campaign_intent i using (plan_id)
    cross join lateral (
        select count(*) as attempts, count(distinct a.contact_key) as contacts,
            coalesce(sum(a.talk_sec), 0) / 60 as talk,
            max(a.started_at + make_interval(secs => coalesce(a.talk_sec, 0)::float8)) as last_end
        from dwh.fact_call_attempt a
        join dwh.dim_disposition d using (disposition_code)
        where a.intent_id = i.intent_id and d.disposition_group not in ('NOT_DIALED', 'PENDING')
    ) f
    where k.newer < %(sample)s
    group by k.plan_id, k.call_date
), a_date as (
    select call_date, sum(attempts) as attempts, sum(contacts) as contacts, sum(talk) as talk,
        avg(least(greatest(extract(epoch from last_end - starts) / extract(epoch from ends - starts), 0), 1)) as share
    from a_plan where attempts > 0
    group by call_date
)
select count(*)::integer as call_dates, sum(attempts)::bigint as attempts,
    sum(contacts)::bigint as contacts, round(sum(talk) / sum(attempts), 6) as minutes,
    round(percentile_cont(0.1) within group (order by (talk / attempts)::float8)::numeric, 6) as minutes_p10,
    round(percentile_cont(0.9) within group (order by (talk / attempts)::float8)::numeric, 6) as minutes_p90,
    round((percentile_cont(0.5) within group (order by share::float8))::numeric, 4) as window_share
from a_date
having count(*) > 0
"""

_PLAN = """
select p.campaign_id, p.vendor_code, p.purpose, p.call_date, p.contacts_to_call, min(i.window_start_utc),
    max(i.window_end_utc), max(i.window_start_utc),
    (array_agg(i.window_end_utc order by i.window_start_utc desc, i.window_end_utc desc))[1]
from ops.campaign_plan p join ops.campaign_intent i using (plan_id)
where p.plan_id = %s group by p.plan_id
"""

_STORE = "update ops.campaign_plan set forecast = %s, approval = %s where plan_id = %s"


def store_forecast(conn: psycopg.Connection, plan_id: str, spec: CampaignSpec, policy: Policy) -> Forecast:
    """Store the forecast of a plan that is stored, and with it whether a person must be asked. Does not commit.

    `spec` is the campaign as the plan stores it; its marking fee is the policy's where it names none.
    """
    found = _forecast(conn, plan_id, spec, policy)
    row = conn.execute("select contacts_to_call from ops.campaign_plan where plan_id = %s", [plan_id]).fetchone()
    assert row is not None
    need = "needed" if needs_approval(spec, row[0], found.upper_rub) else "not_needed"
    conn.execute(_STORE, [Jsonb(found.dump()), need, plan_id])
    return found


def read_forecast(conn: psycopg.Connection, plan_id: str) -> Forecast | None:
    """The stored forecast of a plan; None for a plan that was made before forecasts were stored."""
    row = conn.execute("select forecast from ops.campaign_plan where plan_id = %s", [plan_id]).fetchone()
    return Forecast.load(row[0]) if row and row[0] is not None else None


def _forecast(conn: psycopg.Connection, plan_id: str, spec: CampaignSpec, policy: Policy) -> Forecast:
    row = conn.execute(_PLAN, [plan_id]).fetchone()
    assert row is not None, "a plan exists only complete"
    campaign, vendor, purpose, call_date, contacts, start, end, last_start, last_end = row
    worst = contacts * spec.vendor.worst_case.total
    past = {"vendor": vendor, "purpose": purpose, "call_date": call_date, "plan_id": plan_id}
    history = _history(conn, campaign, past)
    attempts = _attempts(history, contacts, max(worst, contacts))
    minutes = _minutes(history, attempts)
    fee = policy.marking_fee_rub if spec.limits.marking_fee_rub is None else spec.limits.marking_fee_rub
    price = policy.prices.get(vendor, Price())
    return Forecast(
        attempts, minutes, _cost(attempts, minutes, price, fee), history, price, vendor in policy.prices, fee,
        _finish(history, (start, end), (last_start, last_end)), end,
    )  # fmt: skip


def _history(conn: psycopg.Connection, campaign: str, past: dict[str, Any]) -> History:
    if conn.execute("select to_regclass('dwh.fact_call_attempt')").fetchone() == (None,):
        return History(Basis.NONE)
    for basis, name in ((Basis.CAMPAIGN, campaign), (Basis.VENDOR_AND_PURPOSE, None)):
        values = past | {"campaign": name, "sample": SAMPLE}
        with conn.cursor(row_factory=dict_row) as cursor:
            if found := cursor.execute(_PAST, values).fetchone():
                return History(basis, **found)
    return History(Basis.NONE)


def _attempts(history: History, contacts: int, worst: int) -> Attempts:
    """Without history the worst case is expected."""
    average = history.attempts_a_contact
    expected = worst if average is None else _whole(contacts * average)
    return Attempts(contacts, min(max(expected, contacts), worst), worst)


def _minutes(history: History, attempts: Attempts) -> Span:
    low, high = min(history.minutes_p10, history.minutes), max(history.minutes_p90, history.minutes)
    return Span(
        _money(attempts.low * low), _money(attempts.expected * history.minutes), _money(attempts.high * high)
    )  # fmt: skip


def _cost(attempts: Attempts, minutes: Span, price: Price, fee: Decimal) -> Span:
    def rubles(dials: int, talk: Decimal) -> Decimal:
        return _money(dials * (price.attempt_rub + fee) + talk * price.minute_rub)

    return Span(
        rubles(attempts.low, minutes.low),
        rubles(attempts.expected, minutes.expected),
        rubles(attempts.high, minutes.high),
    )


def _finish(history: History, whole: Hours, last: Hours) -> datetime:
    """Other campaigns with the vendor have other windows: only the campaign's own history tells.

    `whole`: from the first opening to the last end; `last`: the window that opens last.
    """
    share = history.window_share
    if history.basis is not Basis.CAMPAIGN or share is None:
        return whole[1]
    return max(
        opens + timedelta(seconds=round((ends - opens).total_seconds() * float(share))) for opens, ends in (whole, last)
    )


def _whole(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_UP))


def _money(value: Decimal) -> Decimal:
    return value.quantize(KOPECK, ROUND_HALF_UP)
