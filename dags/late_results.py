"""Every morning the reports of the last three days are pulled again: vendors correct and complete them afterwards.

plans ──► plan[0..n]: pull ──► deliver ──► audit
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task_group

from obzvon_provider.assets import ATTEMPTS
from obzvon_provider.notifiers.deadline import due_within
from obzvon_provider.operators.audit import AuditOperator
from obzvon_provider.operators.deliver import DeliverOperator
from obzvon_provider.operators.late import LateOperator, LatePlansOperator

DOC = """
**Late rows.** For every plan whose calls ended in the last three days the reports are pulled again; the newest answer
about a call wins, an older one never overwrites it, and what came after the intent was final is marked `is_late`. New
and changed conversations go to Qolio, and calls whose recording could be copied only now; then the plan is audited.

What a run left behind (`running` or `collecting` an hour after its deadline) is stopped, collected and becomes
`final_partial`. Nobody is dialled by this DAG, and every task may be cleared: a run finds its own pulls again.
"""

RETRY = {"retries": 2, "retry_delay": timedelta(seconds=15)}
#: Plans at once: they share the vendors' accounts with the campaigns of the morning.
AT_ONCE = 4

with DAG(
    dag_id="late_results",
    dag_display_name="Late results of the last three days",
    doc_md=DOC,
    schedule=CronTriggerTimetable("40 5 * * *", timezone="Europe/Moscow"),
    catchup=False,
    max_active_runs=1,
    deadline=due_within(hours=6),
    tags={"obzvon", "upkeep"},
    default_args={"owner": "obzvon", **RETRY},
):
    plans = LatePlansOperator(task_id="plans", execution_timeout=timedelta(minutes=15))

    @task_group
    def plan(plan_id: str) -> None:
        """One plan, whatever becomes of the others."""
        of = {"plan_id": plan_id, "max_active_tis_per_dagrun": AT_ONCE}
        pull = LateOperator(task_id="pull", outlets=[ATTEMPTS], execution_timeout=timedelta(hours=2), **of)
        deliver = DeliverOperator(task_id="deliver", outlets=[ATTEMPTS], execution_timeout=timedelta(hours=4), **of)
        audit = AuditOperator(task_id="audit", execution_timeout=timedelta(hours=1), **of)
        pull >> deliver >> audit

    plan.expand(plan_id=plans.output)
