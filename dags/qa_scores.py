"""Every morning: are Qolio's operators ready, are delivered calls really there, what did the reviewers say.

    accounts ──► account[0..n]: operators
                                verify ──► missing ──► resend[0..m] ──► closed
                                reviews

It runs beside the campaigns, so that looking at Qolio slows no run of theirs; a delivery looks at its own operator
before it sends, whatever was seen here.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, CronTriggerTimetable, Param, TriggerRule, task_group

from obzvon_provider.assets import ATTEMPTS
from obzvon_provider.notifiers.deadline import due_within
from obzvon_provider.operators.deliver import DeliverOperator
from obzvon_provider.operators.qa import (
    MissingPlansOperator,
    OperatorsOperator,
    QolioAccountsOperator,
    ReviewsOperator,
    VerifyOperator,
)

DOC = """
**What comes back from Qolio**, for every connection with `account_email` and `account_password`:

* `operators`: each `qolio.operator_id` of the campaign files exists and is active. Red: nothing of that campaign will
  be delivered until somebody activates or enters the employee.
* `verify`: calls of the last 30 days that Qolio took are looked for there and become `VERIFIED` or `MISSING`
  (`ops.qa_delivery`). Red: some are missing. `resend` sends those again by the same uid, the next run looks again.
* `reviews`: scores by the time of review, the last *Days* anew because of appeals, into `dwh.fact_qa_review`.

The run is red when any of them is. Every task may be cleared at any time; nobody is dialled.
"""

RETRY = {"retries": 2, "retry_delay": timedelta(minutes=1)}

with DAG(
    dag_id="qa_scores",
    dag_display_name="Scores and calls at Qolio",
    doc_md=DOC,
    schedule=CronTriggerTimetable("20 7 * * *", timezone="Europe/Moscow"),
    catchup=False,
    max_active_runs=1,
    deadline=due_within(hours=5),
    tags={"obzvon", "upkeep"},
    default_args={"owner": "obzvon", **RETRY},
    params={
        "days": Param(
            30,
            type="integer",
            minimum=1,
            maximum=3660,
            title="Days",
            description="Reviews of so many days are pulled anew; more where the newest review known is older.",
        )
    },
):
    accounts = QolioAccountsOperator(task_id="accounts", execution_timeout=timedelta(minutes=15))

    @task_group
    def account(conn_id: str) -> None:
        """One connection, whatever becomes of the others."""
        OperatorsOperator(task_id="operators", conn_id=conn_id, execution_timeout=timedelta(minutes=30))
        VerifyOperator(task_id="verify", conn_id=conn_id, execution_timeout=timedelta(hours=4))
        ReviewsOperator(task_id="reviews", conn_id=conn_id, outlets=[ATTEMPTS], execution_timeout=timedelta(hours=4))

    looked = account.expand(conn_id=accounts.output)
    # a verification that found something is red, and its findings are what is to be sent again
    missing = MissingPlansOperator(
        task_id="missing",
        outlets=[ATTEMPTS],
        execution_timeout=timedelta(minutes=15),
        trigger_rule=TriggerRule.ALL_DONE,
    )
    resend = DeliverOperator.partial(
        task_id="resend", outlets=[ATTEMPTS], execution_timeout=timedelta(hours=4), max_active_tis_per_dagrun=4
    ).expand(plan_id=missing.output)
    # the last task decides about the run: without it a run that sent everything again would be green
    closed = EmptyOperator(task_id="closed", trigger_rule=TriggerRule.NONE_FAILED)
    looked >> missing >> resend >> closed
    looked >> closed
