"""What analysts read is brought up to date whenever attempts were loaded."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param

from obzvon_provider.assets import ATTEMPTS
from obzvon_provider.operators.marts import MartsOperator

DOC = """
**Marts.** The views of schema `mart` read sums of attempts and contacts. This DAG computes the sums anew of every plan
whose facts changed since the last run: after `collect`, `deliver`, late rows, a replay. It reads the warehouse alone
and may be run at any time; where nothing changed it writes nothing. *All plans* computes every plan anew, which is
never needed but shows the same figures.
"""

with DAG(
    dag_id="marts",
    dag_display_name="Marts for analysts",
    doc_md=DOC,
    schedule=[ATTEMPTS],
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags={"obzvon", "upkeep"},
    default_args={"owner": "obzvon", "retries": 2, "retry_delay": timedelta(seconds=15)},
    params={"full": Param(False, type="boolean", title="All plans", description="Not only those that changed.")},
):
    MartsOperator(task_id="refresh", execution_timeout=timedelta(hours=4))
