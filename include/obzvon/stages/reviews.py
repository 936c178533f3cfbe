"""Reviews come back: what Qolio's reviewers say of delivered calls, pulled by the time of review.

The last 30 days are pulled anew every time, because appeals change reviews: the newest pull wins. Every review is kept
in `ops.qa_review`; those of calls that the warehouse knows become rows of `dwh.fact_qa_review`, so a review whose call
comes later, or comes back with a replay, finds it then.

Pages are not archived: the archive is kept by intent, and a page of communications belongs to many.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Protocol

import psycopg

from obzvon.qolio.account import Page
from obzvon.qolio.fields import Review, ReviewFields
from obzvon.vendors.account import Account
from obzvon.warehouse.db import connect_async, database_time

__all__ = ["DAYS", "Pulled", "ReviewsClient", "publish", "pull_reviews", "republish"]

log = logging.getLogger(__name__)

#: How far back reviews are pulled anew.
DAYS = 30

_KEEP = """
insert into ops.qa_review as r (review_id, call_uid, form_name, score, max_score, reviewer_id, reviewed_at,
                                appeal_state, problem, pulled_at)
select *, %s from unnest(%s::text[], %s::text[], %s::text[], %s::numeric[], %s::numeric[], %s::text[],
                         %s::timestamptz[], %s::text[], %s::text[])
on conflict (review_id) do update
set call_uid = excluded.call_uid, form_name = excluded.form_name, score = excluded.score,
    max_score = excluded.max_score, reviewer_id = excluded.reviewer_id, reviewed_at = excluded.reviewed_at,
    appeal_state = excluded.appeal_state, problem = excluded.problem, pulled_at = excluded.pulled_at
where r.pulled_at <= excluded.pulled_at
  and (r.call_uid, r.form_name, r.score, r.max_score, r.reviewer_id, r.reviewed_at, r.appeal_state, r.problem)
      is distinct from
      (excluded.call_uid, excluded.form_name, excluded.score, excluded.max_score, excluded.reviewer_id,
       excluded.reviewed_at, excluded.appeal_state, excluded.problem)
returning xmax = 0
"""
# A correction may move a review to another call, or make it unusable: then the old fact goes.
_PUBLISH = """
with usable as (
    select r.review_id, f.vendor_code, f.vendor_call_id, f.call_month, coalesce(r.form_name, '') as form_name, r.score,
           r.max_score, r.reviewer_id, r.reviewed_at, r.appeal_state
    from ops.qa_review r
    join ops.known_call k
      on k.vendor_code = split_part(r.call_uid, ':', 1)
     and k.vendor_call_id = substr(r.call_uid, length(split_part(r.call_uid, ':', 1)) + 2)
    join dwh.fact_call_attempt f using (vendor_code, vendor_call_id, call_month)
    where r.problem is null
), gone as (
    delete from dwh.fact_qa_review q
    where exists (select from ops.qa_review r where r.review_id = q.review_id)
      and not exists (select from usable u where u.review_id = q.review_id)
)
insert into dwh.fact_qa_review as q (review_id, vendor_code, vendor_call_id, call_month, form_name, score, max_score,
                                     reviewer_id, reviewed_at, appeal_state)
select * from usable
on conflict (review_id) do update
set vendor_code = excluded.vendor_code, vendor_call_id = excluded.vendor_call_id, call_month = excluded.call_month,
    form_name = excluded.form_name, score = excluded.score, max_score = excluded.max_score,
    reviewer_id = excluded.reviewer_id, reviewed_at = excluded.reviewed_at, appeal_state = excluded.appeal_state
where (q.vendor_code, q.vendor_call_id, q.form_name, q.score, q.max_score, q.reviewer_id, q.reviewed_at, q.appeal_state)
      is distinct from
      (excluded.vendor_code, excluded.vendor_call_id, excluded.form_name, excluded.score, excluded.max_score,
       excluded.reviewer_id, excluded.reviewed_at, excluded.appeal_state)
"""
_NEWEST = "select max(reviewed_at) from ops.qa_review where reviewed_at <= %s"
_WAITING = """
select count(*) filter (where problem is not null),
       count(*) filter (where problem is null
                          and not exists (select from dwh.fact_qa_review q where q.review_id = r.review_id))
from ops.qa_review r
"""


class ReviewsClient(Protocol):
    """What the stage needs of Qolio."""

    @property
    def settings(self) -> Account:
        """The connection as plain values."""

    def interactions(self, since: datetime, until: datetime, *, by: str) -> AsyncIterator[Page]:
        """Communications that were reviewed in a span, page by page."""


@dataclass(slots=True)
class Pulled:
    """Reviews read, new and changed among them, rows of facts written; how many are unusable or wait for their call.

    A review at the very edge of two days is read with both.
    """

    reviews: int = 0
    inserted: int = 0
    updated: int = 0
    facts: int = 0
    unusable: int = 0
    without_call: int = 0


async def pull_reviews(dsn: str, client: ReviewsClient, *, days: int = DAYS, now: datetime | None = None) -> Pulled:
    """Pull what was reviewed in the last `days`, or since the newest review known where that is longer ago.

    Day by day and page by page, each page committed: memory does not grow, and a run that dies is taken up by the next.
    Without the connection's `review_fields` nothing is pulled, and the log says so.
    """
    settings = client.settings
    fields = ReviewFields.of(settings)
    result = Pulled()
    if fields is None:
        log.warning("connection %s: `review_fields` is not set, so no scores were pulled", settings.conn_id)
        return result
    async with await connect_async(dsn) as conn:
        await conn.set_autocommit(True)
        began = now or await database_time(conn)
        for since, until in await _spans(conn, began, days):
            async for page in client.interactions(since, until, by="review_time"):
                await _keep(conn, list(fields.reviews(page)), began, result)
        result.facts = await publish(conn)
        result.unusable, result.without_call = (await (await conn.execute(_WAITING)).fetchall())[0]
    log.log(logging.WARNING if result.unusable else logging.INFO, "connection %s: %s", settings.conn_id, result)
    return result


async def publish(conn: psycopg.AsyncConnection) -> int:
    """Bring `dwh.fact_qa_review` to what the reviews kept say of known calls; how many rows were written."""
    return (await conn.execute(_PUBLISH)).rowcount


def republish(conn: psycopg.Connection) -> int:
    """As `publish`, after the facts were rebuilt."""
    return conn.execute(_PUBLISH).rowcount


async def _spans(conn: psycopg.AsyncConnection, now: datetime, days: int) -> Iterator[tuple[datetime, datetime]]:
    """Spans of a day, the oldest first; reviews are expected up to tomorrow, by a clock that may go ahead of ours."""
    newest: datetime | None = (await (await conn.execute(_NEWEST, [now])).fetchall())[0][0]
    since = now - timedelta(days=days)
    if newest is not None:
        since = min(since, newest - timedelta(days=1))
    day = timedelta(days=1)
    count = (now - since) // day + 2
    return ((since + day * number, since + day * (number + 1)) for number in range(count))


async def _keep(conn: psycopg.AsyncConnection, reviews: Sequence[Review], pulled_at: datetime, result: Pulled) -> None:
    by_id = {review.review_id: review for review in reviews}  # a page that names one twice: the last stands
    result.reviews += len(by_id)
    if not by_id:
        return
    columns = [list(column) for column in zip(*map(astuple, by_id.values()), strict=True)]
    written = await (await conn.execute(_KEEP, [pulled_at, *columns])).fetchall()
    inserted = sum(new for (new,) in written)
    result.inserted, result.updated = result.inserted + inserted, result.updated + len(written) - inserted
