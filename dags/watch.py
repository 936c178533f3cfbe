"""Once a minute: how is everything, and must somebody be told?"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable

from obzvon_provider.operators.watch import WatchOperator

DOC = """
**Watch.** Reads the state of ledger and warehouse with one query, sends it as metrics (docs/metrics.md), compares it
with the rules of docs/runbooks, and tells the channels of the Variable `obzvon_alert_channels` what is new, what still
lasts after twelve hours, and what is over. Cases are rows of `ops.alert`. It asks no vendor and calls nobody; it may be
paused, and then nobody is told anything.
"""

with DAG(
    dag_id="watch",
    dag_display_name="Watch: metrics and alerts",
    doc_md=DOC,
    schedule=CronTriggerTimetable("* * * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags={"obzvon", "upkeep"},
    # the next minute is the next try
    default_args={"owner": "obzvon", "retries": 0},
):
    WatchOperator(task_id="look", execution_timeout=timedelta(minutes=5))
