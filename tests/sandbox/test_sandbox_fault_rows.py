"""Lists and reports whose rows repeat, shift, come late or say what no document knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sandbox_api import CALLS, Api

pytestmark = pytest.mark.stack


@pytest.fixture
def task(api: Api) -> Iterator[str]:
    """A task all of whose ten calls are over."""
    made = api.task()
    api.load(made, 10)
    api.advance(hours=15)
    return made


def page(api: Api, task: str, offset: int) -> tuple[int, list[str]]:
    answer = api.get(CALLS, taskId=task, limit=4, offset=offset).json()
    return answer["count"], [item["id"] for item in answer["items"]]


def test_a_page_can_be_served_twice(api: Api, task: str) -> None:
    first, second = page(api, task, 0), page(api, task, 4)
    api.fault("twin", "repeat_page", path="calls$", skip=1, rows=4)
    assert [page(api, task, 0), page(api, task, 4), page(api, task, 4)] == [first, first, second]


def test_rows_can_shift_between_pages_so_that_one_comes_twice_and_none_is_lost(api: Api, task: str) -> None:
    count, first = page(api, task, 0)
    api.fault("twin", "shift_rows", path="calls$", times=9, rows=1)
    assert page(api, task, 0) == (count, first)
    grown, second = page(api, task, 4)
    assert (grown, second[0]) == (count + 1, first[-1])


def test_rows_can_appear_late(api: Api, task: str) -> None:
    whole = api.get(CALLS, taskId=task, limit=100).json()
    api.fault("twin", "late_rows", path="calls$", times=2, rows=3)
    early = [api.get(CALLS, taskId=task, limit=100).json() for _ in range(3)]
    assert [answer["count"] for answer in early] == [whole["count"] - 3, whole["count"] - 3, whole["count"]]
    assert early[0]["items"] == whole["items"][:-3]
    assert early[2] == whole


def test_late_rows_are_missing_from_the_last_pages_only(api: Api, task: str) -> None:
    count, first = page(api, task, 0)
    api.fault("twin", "late_rows", path="calls$", times=2, rows=count - 5)
    assert page(api, task, 0) == (5, first)
    assert [number if isinstance(number, int) else len(number) for number in page(api, task, 4)] == [5, 1]


def test_a_dialog_report_can_be_late_too(api: Api) -> None:
    campaign = api.dialog_campaign(10)
    api.advance(hours=15)
    whole = api.report(campaign).json()
    api.fault("dialog", "late_rows", path="report$", rows=2)
    late = api.report(campaign).json()
    assert (late["count"], late["data"]) == (whole["count"] - 2, whole["data"][:-2])


@pytest.mark.parametrize("vendor", ["twin", "dialog"])
def test_a_status_can_be_one_nobody_has_heard_of(api: Api, task: str, vendor: str) -> None:
    api.fault(vendor, "unknown_status", path="calls$|report$", rows=2)
    rows: list[dict[str, Any]]
    if vendor == "twin":
        rows = api.get(CALLS, taskId=task, limit=100).json()["items"]
    else:
        campaign = api.dialog_campaign(10)
        api.advance(hours=15)
        rows = api.report(campaign).json()["data"]
    assert [row["status"] == "TELEPORTED" for row in rows[:3]] == [True, True, False]
