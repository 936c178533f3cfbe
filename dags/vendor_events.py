"""What vendors tell by webhooks is in the warehouse within seconds, all day.

move (a worker while events come, a trigger while none do)
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from obzvon_provider.assets import ATTEMPTS
from obzvon_provider.operators.events import EventsOperator

DOC = """
**Events of vendors.** Switch it on where a vendor sends events to this Airflow (docs/webhooks.md); paused it does no
harm: reports bring the same calls when they are collected. `move` takes what is in the inbox (`pii.vendor_event`),
archives it and loads the calls that have ended. While events come it holds one worker; after a minute without any it
waits in the triggerer. A run lasts twenty minutes, then the next one begins: what was loaded until then reaches the
marts.

Nobody is dialled by this DAG, no vendor is asked, and what a report says of a call stands against every event. The task
may be cleared at any time: an event leaves the inbox in the commit that archives it. Skipped means that no call came.
"""

#: So old the marts may be while events come.
MINUTES = 20

with DAG(
    dag_id="vendor_events",
    dag_display_name="Events of vendors",
    doc_md=DOC,
    schedule="@continuous",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    tags={"obzvon", "upkeep"},
    default_args={"owner": "obzvon", "retries": 2, "retry_delay": timedelta(seconds=15)},
):
    # its deadline is absolute and stands in the trigger; an execution timeout would count from each resume
    EventsOperator(task_id="move", minutes=MINUTES, outlets=[ATTEMPTS])
