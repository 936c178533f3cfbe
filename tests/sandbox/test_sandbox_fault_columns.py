"""Reports whose columns are not those that were asked for."""

from __future__ import annotations

import pytest
from sandbox_api import CALLS, Api

pytestmark = pytest.mark.stack


@pytest.mark.parametrize(("fault", "name"), [("new_column", "mood"), ("lost_column", "result")])
def test_a_column_comes_or_goes_in_the_list_of_columns_and_in_every_row(api: Api, fault: str, name: str) -> None:
    campaign = api.dialog_campaign(10)
    api.advance(hours=15)
    whole = api.report(campaign).json()
    api.fault("dialog", fault, path="report$", name=name)
    changed = api.report(campaign).json()
    columns = [{column["field"] for column in answer["columns"]} for answer in (whole, changed)]
    assert columns[0] ^ columns[1] == {name}
    assert all(set(row) == columns[1] for row in changed["data"])
    assert len(changed["data"]) == len(whole["data"]) > 0
    assert api.report(campaign).json() == whole


def test_a_list_without_columns_stays_as_it_is(api: Api) -> None:
    task = api.task()
    api.load(task, 3)
    api.advance(hours=15)
    whole = api.get(CALLS, taskId=task, limit=100).json()
    api.fault("twin", "new_column", path="calls$")
    assert api.get(CALLS, taskId=task, limit=100).json() == whole
