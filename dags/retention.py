"""Every night personal data goes whose time is over, and what came back of people who were erased.

retention ──► erased_again
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable

from obzvon_provider.notifiers.deadline import due_within
from obzvon_provider.operators.retention import EraseAgainOperator, RetentionOperator

DOC = """
**Retention.** Plans whose call date is longer ago than `retention_days` of their purpose, by today's policy file, lose
their personal data: contacts, transcripts, recordings and the links to them, and the raw answers in the archive. Facts
and hashes stay, and so do the rows that say what was archived. A plan with an intent that is not over waits.

`erased_again` goes through what vendors' later reports brought of people who were erased in the last month. Both leave
receipts in `ops.erasure`, both may be cleared at any time, and nobody is dialled.
"""

with DAG(
    dag_id="retention",
    dag_display_name="Retention of personal data",
    doc_md=DOC,
    schedule=CronTriggerTimetable("20 4 * * *", timezone="Europe/Moscow"),
    catchup=False,
    max_active_runs=1,
    deadline=due_within(hours=6),
    tags={"obzvon", "upkeep"},
    default_args={"owner": "obzvon", "retries": 2, "retry_delay": timedelta(minutes=5)},
):
    retention = RetentionOperator(task_id="retention", execution_timeout=timedelta(hours=12))
    # also after a retention that failed: these people have asked
    again = EraseAgainOperator(task_id="erased_again", execution_timeout=timedelta(hours=4), trigger_rule="all_done")
    retention >> again
