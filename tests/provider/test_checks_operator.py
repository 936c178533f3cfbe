"""The task that checks the data contracts, over a connection as Airflow gives it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException

from obzvon_provider.operators.checks import ChecksOperator

RUN = "asset_triggered__2031-05-23T05:00:00+00:00_o'clock"
BROKEN = """
insert into dwh.dim_contact (contact_id, tz_source, valid_from, is_current) values ('c1', 'guess', now(), true)
"""


@pytest.fixture
def context(warehouse_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    where = urlsplit(warehouse_dsn)
    extra = {name: values[0] for name, values in parse_qs(where.query).items()}
    warehouse = {"conn_type": "postgres", "login": where.username, "schema": where.path[1:], "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(warehouse))
    return {"params": {"full": False}, "run_id": RUN}


def test_a_sound_warehouse_passes_and_every_table_has_a_result_of_the_provider(context: Any) -> None:
    task = ChecksOperator(task_id="check")
    said = task.execute(context)
    assert said["warnings"] == 0
    assert said["rules"] > 60
    assert len(task.check_results) > 10
    assert {(result.table, result.success) for result in task.check_results} == {("ops.check_result", True)}


def test_a_broken_contract_fails_the_task_in_one_sentence_and_is_not_tried_again(
    context: Any, conn: psycopg.Connection
) -> None:
    conn.execute(BROKEN)
    conn.commit()
    task = ChecksOperator(task_id="check", days=35)
    with pytest.raises(AirflowFailException) as failed:
        task.execute(context)
    assert str(failed.value).startswith(
        "data contract fails at dwh.dim_contact.tz_source: tz_source_accepted: tz_source is one of declared, region,"
        " numbering_plan, unknown; 1 of 1 do not hold, such as 1;"
    )
    assert "SELECT" not in str(failed.value)
    told = {result.name: result.success for result in task.check_results}
    assert [name for name, success in told.items() if not success] == ["dwh_dim_contact"]
    rows = conn.execute("select rule, failed from ops.check_result where not holds and run_id = %s", (RUN,)).fetchall()
    assert rows == [("tz_source_accepted", 1)]
