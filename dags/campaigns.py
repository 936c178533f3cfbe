"""One DAG for each campaign file: the whole way from a contact list to scored calls on one screen.

    plan ──► approve ──► batch[0..n]: launch ──► wait ──► collect ──► deliver ───────────────┬──► audit
                                      └─► doubts ──► doubt[0..m]: settle ──► launch … deliver ─┘

A no at `approve` skips the rest. What is in doubt after a launch is settled beside the others: whoever waits for an
answer holds nobody back.
A `canary` comes before the batches, alone: canary.launch ──► wait ──► collect ──► judge ──► batch[0..n].

A broken campaign file gives no DAG here; `campaign_files.py` shows it as an import error.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, CronTriggerTimetable, Param, TriggerRule, get_parsing_context, task_group

from obzvon.campaigns.catalogue import Catalogue
from obzvon.campaigns.spec import CampaignSpec
from obzvon.ledger.keys import CANARY_BATCH
from obzvon_provider.assets import ATTEMPTS
from obzvon_provider.operators.approve import ApproveOperator
from obzvon_provider.operators.audit import AuditOperator
from obzvon_provider.operators.canary import CanaryOperator
from obzvon_provider.operators.collect import CollectOperator
from obzvon_provider.operators.deliver import DeliverOperator
from obzvon_provider.operators.launch import LaunchOperator
from obzvon_provider.operators.plan import PlanOperator
from obzvon_provider.operators.settle import DoubtsOperator, SettleOperator
from obzvon_provider.paths import campaigns_folder
from obzvon_provider.sensors.report import WaitSensor

CALL_DATE = Param(
    None,
    type=["null", "string"],
    format="date",
    title="Call date",
    description="Subscriber-local date of the calls. Empty: the date of the run in the campaign's time zone.",
)

#: Side effects may be retried because each asks its ledger first; a retry never creates or dials again by itself.
#: Two, because a scheduler that dies takes one from every task it was running.
RETRY = {"retries": 2, "retry_delay": timedelta(seconds=15)}


def called(plan_id: object, batch_no: int) -> tuple[LaunchOperator, CollectOperator]:
    """The way of one batch of vendor campaigns; its first and its last task."""
    of = {"plan_id": plan_id, "batch_no": batch_no}
    launch = LaunchOperator(task_id="launch", execution_timeout=timedelta(hours=2), **of, **RETRY)
    wait = WaitSensor(task_id="wait", **of, **RETRY)
    collect = CollectOperator(
        task_id="collect", outlets=[ATTEMPTS], execution_timeout=timedelta(hours=2), **of, **RETRY
    )
    launch >> wait >> collect
    return launch, collect


def campaign_dag(spec: CampaignSpec) -> DAG:
    """The pipeline of one campaign file."""
    cron, zone = spec.schedule.cron, spec.schedule.timezone
    with DAG(
        dag_id=spec.dag_id,
        dag_display_name=f"{spec.title} ({spec.name})",
        doc_md=spec.doc_md,
        schedule=CronTriggerTimetable(cron, timezone=zone) if cron else None,
        catchup=False,
        max_active_runs=1,
        tags={"obzvon", spec.vendor.type, spec.purpose, *spec.tags},
        default_args={"owner": spec.owner},
        params={"call_date": CALL_DATE},
    ) as dag:
        plan = PlanOperator(task_id="plan", campaign=spec.name, retries=0, execution_timeout=timedelta(hours=1))
        approve = ApproveOperator(task_id="approve", plan_id=plan.output["plan_id"], **RETRY)

        plan_id = approve.output  # so nothing after it runs without it
        done = {"plan_id": plan_id, "execution_timeout": timedelta(hours=4), **RETRY}

        @task_group
        def canary() -> None:
            _, collect = called(plan_id, CANARY_BATCH)
            collect >> CanaryOperator(task_id="judge", plan_id=plan_id, execution_timeout=timedelta(hours=1), **RETRY)

        @task_group
        def batch(batch_no: int) -> None:
            called(plan_id, batch_no)

        @task_group
        def doubt(batch_no: int) -> None:
            settle = SettleOperator(task_id="settle", plan_id=plan_id, batch_no=batch_no, **RETRY)
            launch, collect = called(plan_id, batch_no)
            settle >> launch
            collect >> DeliverOperator(task_id="deliver", outlets=[ATTEMPTS], **done)

        # One failed batch must not keep the other batches' calls from being delivered; the audit fails the run for it.
        # A plan that was not approved skips them: a skipped task before them is enough for that.
        some = TriggerRule.ALL_DONE_MIN_ONE_SUCCESS
        deliver = DeliverOperator(task_id="deliver", outlets=[ATTEMPTS], trigger_rule=some, **done)
        doubts = DoubtsOperator(task_id="doubts", trigger_rule=some, **done)
        # No doubt is the rule, and a group mapped over nothing is skipped: that must not skip the audit.
        settled = EmptyOperator(task_id="settled", trigger_rule=TriggerRule.ALL_DONE)
        batches = batch.expand(batch_no=plan.output)
        batches >> deliver >> AuditOperator(task_id="audit", **done) << settled
        if spec.canary:  # not passed: no batch is launched; what it dialled is delivered and audited all the same
            canary() >> batches
            dag.get_task("canary.collect") >> deliver
        [approve, dag.get_task("batch.launch")] >> doubts >> doubt.expand(batch_no=doubts.output) >> settled
    return dag


# A task start parses this file for its own DAG alone; the DAG processor parses it for all.
wanted = get_parsing_context().dag_id
for campaign in Catalogue(campaigns_folder()).specs:
    if wanted in (None, campaign.dag_id):
        globals()[campaign.dag_id] = campaign_dag(campaign)
