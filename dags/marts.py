"""What analysts read is brought up to date whenever attempts were loaded."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param

from obzvon_provider.assets import ATTEMPTS
from obzvon_provider.notifiers.deadline import due_within
from obzvon_provider.operators.checks import ChecksOperator
from obzvon_provider.operators.marts import MartsOperator

DOC = """
**Marts.** The views of schema `mart` read sums of attempts and contacts. This DAG computes the sums anew of every plan
whose facts changed since the last run: after `collect`, `deliver`, late rows, a replay. It reads the warehouse alone
and may be run at any time; where nothing changed it writes nothing. *All plans* computes every plan anew, which is
never needed but shows the same figures.

`check` then looks whether the data contracts hold: rows loaded in the last weeks, all of them with *All plans*. Each
rule leaves a row in `mart.v_check_result`; a broken one of severity error fails the task, and its log names table,
column, rule, count and a few keys.

refresh ──► check
"""

#: Loads may change rows of calls of the last days; a month is looked at in seconds, whatever the warehouse holds.
CHECKED_DAYS = 35

with DAG(
    dag_id="marts",
    dag_display_name="Marts for analysts",
    doc_md=DOC,
    schedule=[ATTEMPTS],
    catchup=False,
    max_active_runs=1,
    deadline=due_within(hours=3),
    is_paused_upon_creation=False,
    tags={"obzvon", "upkeep"},
    default_args={"owner": "obzvon", "retries": 2, "retry_delay": timedelta(seconds=15)},
    params={"full": Param(False, type="boolean", title="All plans", description="Not only those that changed.")},
):
    refresh = MartsOperator(task_id="refresh", execution_timeout=timedelta(hours=4))
    refresh >> ChecksOperator(task_id="check", days=CHECKED_DAYS, execution_timeout=timedelta(hours=1))
