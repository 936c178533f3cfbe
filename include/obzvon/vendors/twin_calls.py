"""Reading TWIN's lists whole: pages by offset to the end, periods halved where the vendor cuts them off.

Source: C-CALLS (at most 50 000 records for one period), C-LIST (`page` or `offset`, never both; at most 1000 a page;
"continue until fewer than limit come back"). A server may give less than the limit asked for, so a short page is the
end only when the answer's own `count` agrees; otherwise an empty page is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from obzvon.errors import ContractBreak
from obzvon.vendors.http import Answer, VendorSession

PAGE = 1000
RECORD_CAP = 50_000
_SHORTEST = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list: the exact answer, what was asked, and the rows in it."""

    answer: Answer
    query: Mapping[str, Any]
    items: list[Any]


async def listed(
    session: VendorSession,
    url: str,
    query: Mapping[str, Any],
    *,
    action: str,
    since: datetime,
    until: datetime,
    cap: int | None = None,
) -> AsyncGenerator[ListPage, None]:
    """Every page between two moments (UTC). With a `cap`, a period with as many rows is read as two halves.

    Halves share their border and may follow pages of the whole, so a row may come twice: rows are told apart by their
    id, as always. ContractBreak when a second alone reaches the cap, or when pages repeat: nothing is left out unsaid.
    """
    # whole seconds, outwards: what was created this very second must not look like "none"
    periods = [(since.replace(microsecond=0), until.replace(microsecond=0) + timedelta(seconds=1))]
    while periods:
        start, end = periods.pop()
        async for page in _period(session, url, {**query, "from": start.isoformat(), "to": end.isoformat()}, action):
            offset = int(page.query["offset"])
            if cap is not None and max(_count(page) or 0, offset + len(page.items)) >= cap:
                if end - start <= _SHORTEST:
                    raise ContractBreak("twin.list", "count", f"'{action}': {cap} rows or more at {start.isoformat()}")
                middle = (start + (end - start) / 2).replace(microsecond=0)
                periods += [(middle, end), (start, middle)]
                break
            yield page


async def _period(session: VendorSession, url: str, query: Mapping[str, Any], action: str) -> AsyncIterator[ListPage]:
    """The pages of one period: to an empty one, or to a short one with which all that were counted have come."""
    offset, before = 0, None
    while True:
        page = await _page(session, url, {**query, "limit": PAGE, "offset": offset}, action)
        if offset and not page.items:
            return
        if page.items and page.items == before:
            raise ContractBreak("twin.list", "offset", f"'{action}': the same page came twice")
        yield page
        offset, before, count = offset + len(page.items), page.items, _count(page)
        if not page.items or (count is not None and count <= offset and len(page.items) < PAGE):
            return


async def _page(session: VendorSession, url: str, asked: Mapping[str, Any], action: str) -> ListPage:
    names = session.account.options.get("query_names") or {}
    params = {str(names.get(name, name)): str(value) for name, value in asked.items()}
    answer = await session.read("GET", url, action=action, params=params)
    body = answer.json()
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, list):
        raise ContractBreak("twin.list", "items", f"the answer to '{action}' has no list of items")
    return ListPage(answer, asked, items)


def _count(page: ListPage) -> int | None:
    count = page.answer.json().get("count")
    return count if isinstance(count, int) else None
