"""Reading TWIN's lists whole: pages by offset until a short one, periods halved where the vendor cuts them off.

Source: C-CALLS (at most 50 000 records for one period), C-LIST (`page` or `offset`, never both; at most 1000 a page;
"continue until fewer than limit come back").
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
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
) -> AsyncIterator[ListPage]:
    """Every page between two moments (UTC). With a `cap`, a period whose count reaches it is read as two halves.

    Halves share their border, so a row on it may come twice: rows are told apart by their id, as always.
    """
    # whole seconds, outwards: what was created this very second must not look like "none"
    periods = [(since.replace(microsecond=0), until.replace(microsecond=0) + timedelta(seconds=1))]
    while periods:
        start, end = periods.pop()
        offset = 0
        while True:
            asked = {**query, "from": start.isoformat(), "to": end.isoformat(), "limit": PAGE, "offset": offset}
            page = await _page(session, url, asked, action)
            if cap is not None and offset == 0 and _count(page) >= cap and end - start > _SHORTEST:
                middle = (start + (end - start) / 2).replace(microsecond=0)
                periods += [(middle, end), (start, middle)]
                break
            yield page
            if len(page.items) < PAGE:
                break
            offset += len(page.items)


async def _page(session: VendorSession, url: str, asked: Mapping[str, Any], action: str) -> ListPage:
    names = session.account.options.get("query_names") or {}
    params = {str(names.get(name, name)): str(value) for name, value in asked.items()}
    answer = await session.read("GET", url, action=action, params=params)
    body = answer.json()
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, list):
        raise ContractBreak("twin.list", "items", f"the answer to '{action}' has no list of items")
    return ListPage(answer, asked, items)


def _count(page: ListPage) -> int:
    count = page.answer.json().get("count")
    return count if isinstance(count, int) else len(page.items)
